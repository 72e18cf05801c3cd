/** One replica's connection to the API server, with the faults of the run. */
import {ApiClient} from '../../../src/kubernetes/api-client.ts';
import type {CompareAndSwap, RequestOptions, WatchEvent} from '../../../src/kubernetes/api-client.ts';
import {ApiError} from '../../../src/errors.ts';
import {failure} from '../../../harness/in-memory-api/answers.ts';
import type {ApiAnswer, ApiRequest} from '../../../harness/in-memory-api/answers.ts';
import type {ApiServer} from '../../../harness/in-memory-api/api-server.ts';
import {accepting, bodyOf, compareAndSwapRequest, createRequest, getRequest} from '../../../harness/in-memory-api/client-requests.ts';
import type {FaultRates} from '../faults/fault-rates.ts';
import type {EventLog} from './event-log.ts';
import {timeoutError} from './simulated-process.ts';
import type {SimulatedProcess} from './simulated-process.ts';
import type {Random} from './random.ts';
import type {Scheduler} from './scheduler.ts';
import {Arrivals, connectionError, deliverEvents, requestTimeoutMs} from './watch-delivery.ts';

export type NetworkOptions = {
	readonly server: ApiServer;
	readonly scheduler: Scheduler;
	readonly process: SimulatedProcess;
	readonly random: Random;
	readonly eventLog: EventLog;
	/** The present rates: they end before the run does. */
	readonly faults: () => FaultRates;
	/** By the page's first port. */
	readonly failingPages: ReadonlyMap<number, PageFault>;
	/** The replica's. */
	readonly name: string;
};

/** What fails for one page: `immutable` rejects writes, the others answer with an error inside the API server. */
export type PageFault = 'immutable' | 'unwritable' | 'unreadable';

/** The longest delay of a slow message, one way. */
const slowestMs = 60_000;

export class ReplicaNetwork extends ApiClient {
	readonly #options: NetworkOptions;

	constructor(options: NetworkOptions) {
		super();
		this.#options = options;
	}

	/** Only certificates depend on it, and the simulation has none. */
	override get clockSkewMs(): number {
		return 0;
	}

	override async get<T>(path: string, options: RequestOptions): Promise<T> {
		return await this.#send(getRequest(path, options), options) as T;
	}

	override async create<T>(path: string, body: unknown, options: RequestOptions): Promise<T> {
		return await this.#send(createRequest(path, body, options), options) as T;
	}

	override async compareAndSwap<T>(path: string, patch: CompareAndSwap, options: RequestOptions): Promise<T> {
		return await this.#send(compareAndSwapRequest(path, patch, options), options) as T;
	}

	override async * watch<T>(path: string, {signal, timeoutSeconds, ...options}: RequestOptions & {readonly timeoutSeconds: number}): AsyncGenerator<WatchEvent<T>> {
		await this.#send(getRequest(`${path.replace(/\?.*/, '')}?limit=1`, {}), {signal});
		const arrivals = new Arrivals();
		const stop = deliverEvents({path, ...accepting(options)}, timeoutSeconds, arrivals, {...this.#options, delay: () => this.#delay()});
		const abort = () => arrivals.add(signal.reason as Error);
		signal.addEventListener('abort', abort, {once: true});
		try {
			for (;;) {
				signal.throwIfAborted();
				const event = await arrivals.next();
				if (event === 'end') {
					return;
				}

				if (event instanceof Error) {
					throw event;
				}

				if (event.type === 'ERROR') {
					throw new ApiError('GET', path, (event.object as {code: number}).code, 'the watch is over');
				}

				yield event as WatchEvent<T>;
			}
		} finally {
			stop();
			signal.removeEventListener('abort', abort);
		}
	}

	async #send(request: ApiRequest, {signal}: Pick<RequestOptions, 'signal'>): Promise<unknown> {
		signal.throwIfAborted();
		const {scheduler, process, random, faults, eventLog, name, server} = this.#options;
		const {promise, resolve, reject} = Promise.withResolvers<unknown>();
		let isOpen = true;
		const settle = (answer: () => void) => {
			if (isOpen) {
				isOpen = false;
				cancelTimeout();
				signal.removeEventListener('abort', giveUp);
				answer();
			}
		};

		const giveUp = () => settle(() => reject(signal.reason as Error));
		const cancelTimeout = process.later(requestTimeoutMs, () => settle(() => reject(timeoutError)));
		signal.addEventListener('abort', giveUp, {once: true});
		const isList = request.path.startsWith('/api/v1/pods?');
		const isRead = request.method === 'GET' && request.path.includes('/configmaps/hostport-ledger-');
		const comeBack = (answer: ApiAnswer | undefined) => {
			if (answer) {
				const {slowLists, slowReads} = faults();
				const delayMs = isList && random.chance(slowLists) ? random.logarithmic(300, requestTimeoutMs)
					: isRead && random.chance(slowReads) ? random.logarithmic(3000, requestTimeoutMs) : this.#delay();
				process.later(delayMs, () => settle(() => {
					try {
						resolve(bodyOf(request, answer));
					} catch (error) {
						reject(error);
					}
				}));
			} else if (random.chance(0.5)) {
				process.later(this.#delay(), () => settle(() => reject(connectionError())));
			}
		};

		const {requestLost} = faults();
		scheduler.after(this.#delay(), () => {
			// A client that has given up closes the connection; that stops its request only half of the time.
			if (random.chance(requestLost) || (!isOpen && random.chance(0.5))) {
				eventLog.write(`${name} ${request.method} ${request.path} is lost`);
				comeBack(undefined);
				return;
			}

			const rejection = this.#rejection(request);
			const answer = rejection ?? server.handle(request, name);
			eventLog.write(`${name} ${request.method} ${request.path} ${answer.status}${rejection ? ' without being looked at' : ''}`);
			if (eventLog.isShown && request.body) {
				eventLog.remark(() => `    ${JSON.stringify(request.body)}`);
			}

			const {answerLost, errorAfterCommit} = faults();
			if (random.chance(answerLost)) {
				eventLog.write(`${name} does not hear the answer`);
				comeBack(undefined);
			} else {
				comeBack(random.chance(errorAfterCommit) ? failure({status: 500, reason: 'InternalError', message: 'etcdserver: request timed out'}) : answer);
			}
		});
		return promise;
	}

	/** An error that the API server answers without carrying the request out; undefined for none. */
	#rejection({method, path}: ApiRequest): ApiAnswer | undefined {
		const {random, faults, failingPages} = this.#options;
		const fault = failingPages.get(Number(/configmaps\/hostport-ledger-(\d+)/.exec(path)?.[1]));
		if (fault === 'immutable' && method === 'PATCH') {
			return failure({status: 422, reason: 'Invalid', message: 'data: Forbidden: field is immutable when `immutable` is set'});
		}

		if ((fault === 'unwritable' && method === 'PATCH') || (fault === 'unreadable' && method === 'GET')) {
			return failure({status: 500, reason: 'InternalError', message: 'etcdserver: request is too large'});
		}

		const {conflict, tooManyRequests, internalError, unavailable} = faults();
		if (method !== 'GET' && random.chance(conflict)) {
			return failure({status: 409, reason: 'Conflict', message: 'the object has been modified; please apply your changes to the latest version and try again'});
		}

		if (random.chance(tooManyRequests)) {
			return failure({status: 429, reason: 'TooManyRequests', message: 'the server has received too many requests and has asked us to try again later', retryAfterSeconds: 1});
		}

		if (random.chance(internalError)) {
			return failure({status: 500, reason: 'InternalError', message: 'Internal error occurred'});
		}

		return random.chance(unavailable) ? failure({status: 503, reason: 'ServiceUnavailable', message: 'the server is currently unable to handle the request'}) : undefined;
	}

	/** One way, milliseconds. */
	#delay(): number {
		const {random, faults} = this.#options;
		return random.chance(faults().slow) ? random.logarithmic(10, slowestMs) : random.between(0.3, 3);
	}
}
