/**
 * Creates Pods as the API server does: defaults, the webhook's call and patch, defaults again, quota, validation, storage.
 */
import {failure} from '../../../harness/in-memory-api/answers.ts';
import type {ApiAnswer} from '../../../harness/in-memory-api/answers.ts';
import type {ApiServer} from '../../../harness/in-memory-api/api-server.ts';
import type {Stored} from '../../../harness/in-memory-api/kinds.ts';
import {containersOf, defaultedPodSpec} from '../../../harness/in-memory-api/pod-spec.ts';
import {ownPortName, rejectedNamespace} from './pod-kinds.ts';
import type {PodManifest} from './pod-manifest.ts';
import {hostPortKeys} from './pod-requests.ts';
import type {PodRequest} from './pod-requests.ts';
import {WebhookCalls, webhookTimeoutSeconds} from './webhook-calls.ts';
import type {CallOptions, WebhookCallsOptions} from './webhook-calls.ts';

export type PodCreationOptions = WebhookCallsOptions & {
	readonly server: ApiServer;
	/** The API server's `--request-timeout`. */
	readonly requestTimeoutMs: number;
};

export type CreateOptions = CallOptions & {readonly dryRun?: boolean};

/** A Pod may be stored until two request timeouts after its request arrived. As a fraction of the request timeout, with a margin. */
const latestStorage = 2 * 0.98;

export class PodCreation {
	readonly #options: PodCreationOptions;
	readonly requests: PodRequest[] = [];
	/** How many requests the API server has not answered yet. */
	unanswered = 0;
	readonly #webhook: WebhookCalls;

	constructor(options: PodCreationOptions) {
		this.#options = options;
		this.#webhook = new WebhookCalls(options);
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
			ownNumbers: containersOf(manifest.spec).flatMap(({ports = []}) => ports).filter(({name}) => name === ownPortName).map(({containerPort}) => containerPort),
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
			const answer = await this.#webhook.call(request, pod, options);
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
			request.keys = hostPortKeys(pod.spec);
		} else {
			request.handledUntil = scheduler.now;
		}

		if (request.dryRun) {
			return {status: 201, body: pod};
		}

		request.state = 'admitted';
		invariants.admitted(request);
		if (random.chance(faults().rejected) || pod.metadata.namespace === rejectedNamespace) {
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
}
