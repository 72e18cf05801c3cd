/**
 * The API server's calls of the webhook: a request goes to one of the replicas, or by a fault to two, and its answer may be
 * late, lost or wrong.
 */
import {defaultedPodSpec} from '../../../harness/in-memory-api/pod-spec.ts';
import type {JsonPatchOperation} from '../../../src/admission/patch.ts';
import type {AdmissionReview} from '../../../src/admission/review.ts';
import {applyPatch} from '../../helpers/json-patch.ts';
import type {InvariantChecks} from '../checks/invariant-checks.ts';
import type {FaultRates} from '../faults/fault-rates.ts';
import type {EventLog} from './event-log.ts';
import type {PodManifest} from './pod-manifest.ts';
import {hostPortKeys} from './pod-requests.ts';
import type {PodRequest} from './pod-requests.ts';
import type {Random} from './random.ts';
import type {Scheduler} from './scheduler.ts';
import type {SimulatedReplica} from './simulated-replica.ts';

export type WebhookCallsOptions = {
	readonly scheduler: Scheduler;
	readonly random: Random;
	readonly eventLog: EventLog;
	readonly invariants: InvariantChecks;
	readonly faults: () => FaultRates;
	/** Those that the webhook's Service routes to. */
	readonly replicas: () => readonly SimulatedReplica[];
};

export type CallOptions = {
	/** The only replica that the call may reach. */
	readonly replica?: SimulatedReplica;
	/** The webhook's timeout; default and maximum 10. */
	readonly timeoutSeconds?: number;
};

export type WebhookAnswer = {
	readonly response: AdmissionReview['response'];
	/** The Pod with the answer's patch applied. */
	readonly patched: PodManifest;
};

type Delivery = {readonly request: PodRequest; readonly pod: PodManifest; readonly body: string; readonly timeoutSeconds: number};

/** As in the webhook's registration. */
export const webhookTimeoutSeconds = 10;

/** What the product's HTTP server, which the simulation leaves out, reserves of the timeout for sending the answer. */
const marginMs = 500;

export class WebhookCalls {
	readonly #options: WebhookCallsOptions;
	/** The replica of the present keep-alive connection. */
	#connected: SimulatedReplica | undefined;
	#lastUid = '';

	constructor(options: WebhookCallsOptions) {
		this.#options = options;
	}

	/** Resolves with the first answer that arrives in time, or with an error. The API server never sends a call twice; a proxy may. */
	async call(request: PodRequest, pod: PodManifest, {replica: wanted, timeoutSeconds = webhookTimeoutSeconds}: CallOptions): Promise<WebhookAnswer | Error> {
		const {scheduler, random, faults, replicas} = this.#options;
		const serving = replicas();
		if (!this.#connected || !serving.includes(this.#connected) || random.chance(0.2)) {
			this.#connected = random.pick(serving);
		}

		const chosen = wanted ?? this.#connected;
		const {promise, resolve} = Promise.withResolvers<WebhookAnswer | Error>();
		if (!chosen) {
			return new Error('no endpoints available for service');
		}

		const delivery = {request, pod, body: this.#review(request, pod), timeoutSeconds};
		const gone = new AbortController();
		const cancel = scheduler.after(timeoutSeconds * 1000, () => {
			gone.abort(new Error('the client has closed the connection'));
			resolve(new Error('context deadline exceeded'));
		});
		const twice = !wanted && random.chance(faults().resent) ? [random.pick(serving)] : [];
		for (const replica of [chosen, ...twice]) {
			request.deliveries += 1;
			this.#deliver(delivery, replica, gone.signal, resolve);
		}

		const answer = await promise;
		cancel();
		return answer;
	}

	#deliver({request, pod, body, timeoutSeconds}: Delivery, replica: SimulatedReplica, gone: AbortSignal, resolve: (answer: WebhookAnswer | Error) => void): void {
		const {scheduler, random, faults, eventLog, invariants} = this.#options;
		if (replica.process.isDead) {
			scheduler.after(1, () => resolve(new Error('connect: connection refused')));
			return;
		}

		replica.process.onDeath(() => resolve(new Error('read: connection reset by peer')));
		const {requestLost, slow} = faults();
		const delay = () => (random.chance(slow) ? random.logarithmic(10, 5000) : random.between(0.3, 2));
		if (random.chance(requestLost)) {
			return;
		}

		replica.process.later(delay(), () => {
			const deadlineMs = timeoutSeconds * 1000 - marginMs;
			let isAnswered = false;
			const answer = (review: AdmissionReview) => {
				isAnswered = true;
				const {response} = review;
				eventLog.write(`${replica.name} answers ${request.pod}: ${response.allowed ? 'allowed' : response.status?.code}`);
				const patched = this.#applyAnswer(request, pod, response, replica.name);
				scheduler.after(delay(), () => {
					if (!random.chance(faults().answerLost)) {
						resolve({response, patched});
					}
				});
			};

			// As the product's HTTP server does: a request ends when its client closes the connection, and at its deadline.
			const closed = new AbortController();
			gone.addEventListener('abort', () => replica.process.later(1, () => closed.abort(gone.reason)), {once: true});
			const signal = AbortSignal.any([closed.signal, replica.process.clock.deadline(deadlineMs)]);
			void replica.mutatePod(JSON.parse(body), signal).then(answer, (error: unknown) => {
				isAnswered = true;
				invariants.violated('a valid answer', `${replica.name} threw an error for ${request.pod}: ${String(error)}`);
			});
			replica.process.later(deadlineMs * 1.01 + 50, () => {
				if (!isAnswered) {
					invariants.violated('answered in time', `${replica.name} has not answered the request for ${request.pod}`);
				}
			});
		});
	}

	/** Checks an answer and applies its patch. */
	#applyAnswer(request: PodRequest, pod: PodManifest, {allowed, status, patch}: AdmissionReview['response'], by: string): PodManifest {
		const {invariants} = this.#options;
		if (!allowed && (status?.code === 500 || !status?.message)) {
			invariants.violated('a valid answer', `${by} answered ${request.pod} with ${JSON.stringify(status)}`);
		}

		if (!allowed) {
			invariants.denied(request, status?.message ?? '', by);
		}

		if (!patch) {
			return pod;
		}

		const patched = applyPatch(pod, JSON.parse(Buffer.from(patch, 'base64').toString()) as JsonPatchOperation[]);
		invariants.answered(request, keysOf(patched), by);
		return patched;
	}

	#review({id, dryRun}: PodRequest, {metadata, spec}: PodManifest): string {
		const {random, faults} = this.#options;
		const uid = this.#lastUid && random.chance(faults().sameUid) ? this.#lastUid : `review-${id}`;
		this.#lastUid = uid;
		return JSON.stringify({
			apiVersion: 'admission.k8s.io/v1',
			kind: 'AdmissionReview',
			request: {
				uid,
				kind: {group: '', version: 'v1', kind: 'Pod'},
				resource: {group: '', version: 'v1', resource: 'pods'},
				...(metadata.name && {name: metadata.name}),
				namespace: metadata.namespace,
				operation: 'CREATE',
				dryRun,
				object: {apiVersion: 'v1', kind: 'Pod', metadata, spec},
			},
		});
	}
}

/** The ledger keys of all host ports that the Pod will have: those that it was given, and those that are written in it. */
const keysOf = ({spec}: PodManifest): string[] => hostPortKeys(defaultedPodSpec(spec));
