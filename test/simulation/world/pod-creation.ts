/**
 * Creates Pods as the API server does: defaults, the call of the webhook over a network with faults, the patch, defaults
 * again, quota, validation, storage.
 */
import type {AdmissionReview} from '../../../src/admission/review.ts';
import type {JsonPatchOperation} from '../../../src/admission/patch.ts';
import {failure} from '../../../harness/in-memory-api/answers.ts';
import type {ApiAnswer} from '../../../harness/in-memory-api/answers.ts';
import type {ApiServer} from '../../../harness/in-memory-api/api-server.ts';
import type {Stored} from '../../../harness/in-memory-api/kinds.ts';
import {defaultedPodSpec} from '../../../harness/in-memory-api/pod-spec.ts';
import type {PodSpec} from '../../../harness/in-memory-api/pod-spec.ts';
import {applyPatch} from '../../helpers/json-patch.ts';
import {hostPortKeys} from './pod-requests.ts';
import type {PodRequest} from './pod-requests.ts';
import type {FaultRates} from '../faults/fault-rates.ts';
import type {InvariantChecks} from '../checks/invariant-checks.ts';
import type {EventLog} from './event-log.ts';
import type {Random} from './random.ts';
import type {SimulatedReplica} from './simulated-replica.ts';
import type {Scheduler} from './scheduler.ts';

export type PodManifest = {
	readonly metadata: {
		readonly name?: string;
		readonly generateName?: string;
		readonly namespace: string;
		readonly labels?: Readonly<Record<string, string>>;
		readonly annotations?: Readonly<Record<string, string>>;
		readonly ownerReferences?: ReadonlyArray<{kind: string; name: string; controller: boolean}>;
	};
	readonly spec: PodSpec;
};

export type PodCreationOptions = {
	readonly server: ApiServer;
	readonly scheduler: Scheduler;
	readonly random: Random;
	readonly eventLog: EventLog;
	readonly invariants: InvariantChecks;
	readonly faults: () => FaultRates;
	/** Those that the webhook's Service routes to. */
	readonly replicas: () => readonly SimulatedReplica[];
	/** The API server's `--request-timeout`. */
	readonly requestTimeoutMs: number;
};

export type CreateOptions = {
	readonly dryRun?: boolean;
	/** The only replica that the webhook call may reach. */
	readonly replica?: SimulatedReplica;
	/** The webhook's timeout; default and maximum 10. */
	readonly timeoutSeconds?: number;
};

type WebhookCall = {readonly request: PodRequest; readonly pod: PodManifest; readonly body: string; readonly timeoutSeconds: number};
type WebhookAnswer = {readonly response: AdmissionReview['response']; readonly patched: PodManifest};

/** As in the webhook's registration. */
const webhookTimeoutSeconds = 10;

/** What the product's HTTP server, which the simulation leaves out, reserves of the timeout for sending the answer. */
const marginMs = 500;

/** A Pod may be stored until two request timeouts after its request arrived. As a fraction of the request timeout, with a margin. */
const latestStorage = 2 * 0.98;

export class PodCreation {
	readonly #options: PodCreationOptions;
	readonly requests: PodRequest[] = [];
	/** How many requests the API server has not answered yet. */
	unanswered = 0;
	#connected: SimulatedReplica | undefined;
	#lastUid = '';

	constructor(options: PodCreationOptions) {
		this.#options = options;
	}

	/** Resolves with the client's answer and the record of the request. */
	async create(manifest: PodManifest, options: CreateOptions = {}): Promise<ApiAnswer & {readonly request: PodRequest}> {
		const {scheduler, random, eventLog, invariants} = this.#options;
		const {metadata: {namespace, name, generateName, annotations = {}}} = manifest;
		const request: PodRequest = {
			id: this.requests.length,
			pod: `${namespace}/${name ?? generateName}`,
			arrivedAt: scheduler.now,
			dryRun: options.dryRun ?? false,
			range: {first: Number(annotations['hostport.io/base-port']), last: Number(annotations['hostport.io/max-port'])},
			handledUntil: Infinity,
			deliveries: 0,
			state: 'at the webhook',
			keys: [],
			uid: undefined,
		};
		this.requests.push(request);
		invariants.requested(request);
		this.unanswered += 1;
		await scheduler.sleep(random.between(0.2, 2));
		const answer = await this.#admit(request, manifest, options);
		if (request.state !== 'live') {
			this.ended(request);
		}

		eventLog.write(`client: ${request.pod} ${answer.status}`);
		eventLog.remark(() => `    ${answer.status < 300 ? request.keys.join(' ') : (answer.body as {message: string}).message}`);
		this.unanswered -= 1;
		return {...answer, request};
	}

	/** The Pod was deleted, has finished, or will never be stored. */
	ended(request: PodRequest): void {
		request.state = 'ended';
		this.#options.invariants.holders.remove(request);
	}

	async #admit(request: PodRequest, manifest: PodManifest, options: CreateOptions): Promise<ApiAnswer> {
		const {random, faults, scheduler, server, invariants} = this.#options;
		let pod: PodManifest = {...manifest, spec: defaultedPodSpec(manifest.spec)};
		if (pod.metadata.annotations?.['hostport.io/enabled'] !== undefined) {
			const answer = await this.#callWebhook(request, pod, options);
			// If two replicas received the request, the slower one may still be handling it.
			request.handledUntil = request.deliveries > 1 ? request.arrivedAt + webhookTimeoutSeconds * 1000 : scheduler.now;
			if (answer instanceof Error) {
				return failure({status: 500, reason: 'InternalError', message: `failed calling webhook: ${answer.message}`});
			}

			const {response: {allowed, status}, patched} = answer;
			if (!allowed) {
				return failure({status: status?.code ?? 0, reason: 'Denied', message: `admission webhook denied the request: ${status?.message}`});
			}

			pod = {...patched, spec: defaultedPodSpec(patched.spec)};
			request.keys = allocatedKeys(pod);
		} else {
			request.handledUntil = scheduler.now;
		}

		if (request.dryRun) {
			return {status: 201, body: pod};
		}

		request.state = 'admitted';
		invariants.admitted(request);
		if (random.chance(faults().rejected)) {
			return failure({status: 403, reason: 'Forbidden', message: 'exceeded quota: pods, requested: pods=1, used: pods=40, limited: pods=40'});
		}

		await scheduler.sleep(this.#storageDelay(request));
		const answer = server.handle({method: 'POST', path: `/api/v1/namespaces/${pod.metadata.namespace}/pods`, body: pod}, request.pod);
		if (answer.status === 201) {
			request.state = 'live';
			request.uid = (answer.body as Stored).metadata.uid;
			invariants.stored(request);
		} else if (answer.status === 422) {
			invariants.violated('a valid answer', `${request.pod}: ${JSON.stringify(answer.body)}`);
		}

		return answer;
	}

	#storageDelay({arrivedAt}: PodRequest): number {
		const {random, faults, scheduler, requestTimeoutMs} = this.#options;
		if (random.chance(faults().lateStorage)) {
			return arrivedAt + requestTimeoutMs * latestStorage * random.between(0.9, 1) - scheduler.now;
		}

		return random.chance(faults().slowStorage) ? random.logarithmic(20, requestTimeoutMs / 2) : random.between(1, 20);
	}

	/** Resolves with the first answer that arrives in time, or with an error. The API server never sends a call twice; a proxy may. */
	async #callWebhook(request: PodRequest, pod: PodManifest, {replica: wanted, timeoutSeconds = webhookTimeoutSeconds}: CreateOptions): Promise<WebhookAnswer | Error> {
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

		const call = {request, pod, body: this.#review(request, pod), timeoutSeconds};
		const gone = new AbortController();
		const cancel = scheduler.after(timeoutSeconds * 1000, () => {
			gone.abort(new Error('the client has closed the connection'));
			resolve(new Error('context deadline exceeded'));
		});
		const twice = !wanted && random.chance(faults().resent) ? [random.pick(serving)] : [];
		for (const replica of [chosen, ...twice]) {
			request.deliveries += 1;
			this.#deliver(call, replica, gone.signal, resolve);
		}

		const answer = await promise;
		cancel();
		return answer;
	}

	#deliver({request, pod, body, timeoutSeconds}: WebhookCall, replica: SimulatedReplica, gone: AbortSignal, resolve: (answer: WebhookAnswer | Error) => void): void {
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
		invariants.answered(request, allocatedKeys(patched), by);
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

/** The ledger keys of the ports that the Pod's annotations name. */
const allocatedKeys = ({metadata, spec}: PodManifest): string[] => {
	const given = new Set(Object.entries(metadata.annotations ?? {}).filter(([name]) => name.startsWith('hostport.io/allocated-')).map(([, number]) => number));
	return hostPortKeys(spec).filter(key => given.has(key.split('.')[0]!));
};
