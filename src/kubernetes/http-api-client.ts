/** The API client over HTTPS, on the keep-alive connections of credentials.ts. */
import type http from 'node:http';
import type {V1Status} from '@kubernetes/client-node';
import {systemClock} from '../clock.ts';
import type {Clock} from '../clock.ts';
import {ApiError} from '../errors.ts';
import {ApiClient} from './api-client.ts';
import type {CompareAndSwap, RequestOptions, WatchEvent, WatchOptions} from './api-client.ts';
import type {Connection} from './credentials.ts';
import {readText, sendRequest} from './http-request.ts';
import {linesOf} from './lines.ts';
import {retryAfterOf} from './retry-after.ts';
import {ServerClock} from './server-clock.ts';

export type HttpApiClientOptions = {
	/** Default: the system's clock. */
	readonly clock?: Clock;
	/** Called with the API server's message for each 403 answer, before the error is thrown. */
	readonly onDenied?: (message: string) => void;
	/** Called for each request with the status code of its answer, or `<error>` if none came. */
	readonly onAnswer?: (answer: {readonly code: string; readonly method: string; readonly host: string}) => void;
};

/** Bounds every request, whatever signal the caller passes. Watches have a bound of their own. */
const requestTimeoutMs = 15_000;

/** A dead connection never ends a watch. So much time has the API server to end it first. */
const watchGraceMs = 15_000;

export class HttpApiClient extends ApiClient {
	readonly #connection: Connection;
	readonly #clock: Clock;
	readonly #serverClock: ServerClock;
	readonly #onDenied: (message: string) => void;
	readonly #count: (method: string, code: string) => void;

	constructor(connection: Connection, {clock = systemClock, onDenied = () => {}, onAnswer = () => {}}: HttpApiClientOptions = {}) {
		super();
		this.#connection = connection;
		this.#clock = clock;
		this.#serverClock = new ServerClock(clock);
		this.#onDenied = onDenied;
		const {host} = new URL(connection.server);
		this.#count = (method, code) => onAnswer({code, method, host});
	}

	override get clockSkewMs(): number {
		return this.#serverClock.skewMs;
	}

	override async get<T>(path: string, options: RequestOptions): Promise<T> {
		return this.#json('GET', options.maybeStale ? `${path}?resourceVersion=0` : path, undefined, options);
	}

	override async create<T>(path: string, body: unknown, options: RequestOptions): Promise<T> {
		return this.#json('POST', path, {type: 'application/json', body}, options);
	}

	override async compareAndSwap<T>(path: string, patch: CompareAndSwap, options: RequestOptions): Promise<T> {
		return this.#json('PATCH', path, {type: 'application/strategic-merge-patch+json', body: patch}, options);
	}

	override async * watch<T>(path: string, {signal, timeoutSeconds, metadataOnly = false}: WatchOptions): AsyncGenerator<WatchEvent<T>> {
		const bounded = AbortSignal.any([signal, this.#clock.deadline(timeoutSeconds * 1000 + watchGraceMs)]);
		const response = await this.#send('GET', `${path}&watch=true&timeoutSeconds=${timeoutSeconds}`, undefined, {signal: bounded, metadataOnly});
		for await (const line of linesOf(response)) {
			const event = JSON.parse(line) as WatchEvent<T>;
			if (event.type === 'ERROR') {
				throw new ApiError('GET', path, (event.object as V1Status).code ?? 500, detailIn(line));
			}

			yield event;
		}
	}

	async #json<T>(method: 'GET' | 'POST' | 'PATCH', path: string, content: Content | undefined, options: RequestOptions): Promise<T> {
		const timeout = new AbortController();
		const answered = new AbortController();
		void this.#clock.sleep(requestTimeoutMs, answered.signal).then(() => timeout.abort(new DOMException(`the API server did not answer within ${requestTimeoutMs / 1000} s`, 'TimeoutError')));
		const signal = AbortSignal.any([options.signal, timeout.signal]);
		try {
			const response = await this.#send(method, path, content, {...options, signal});
			return JSON.parse(await readText(response, options.maximumLength)) as T;
		} catch (error) {
			// A body that breaks off because of the signal says only "aborted".
			throw signal.aborted ? signal.reason : error;
		} finally {
			answered.abort('answered');
		}
	}

	async #send(method: 'GET' | 'POST' | 'PATCH', path: string, content: Content | undefined, {signal, metadataOnly}: RequestOptions): Promise<http.IncomingMessage> {
		const sentAt = this.#clock.date().getTime();
		const response = await sendRequest(this.#connection, {
			method,
			path,
			signal,
			headers: {
				accept: metadataOnly ? `application/json;as=PartialObjectMetadata${metadataOnly === 'list' ? 'List' : ''};g=meta.k8s.io;v=v1` : 'application/json',
				// The API server names the owner of the fields that a write changes by it: see `fieldManager` of the ledger.
				'user-agent': 'hostport-operator',
				...(content && {'content-type': content.type}),
			},
			body: content?.body,
		}).catch((error: unknown) => {
			this.#count(method, '<error>');
			throw error;
		});
		const {statusCode = 0, headers} = response;
		this.#count(method, String(statusCode));
		this.#serverClock.hear(headers.date, sentAt, this.#clock.date().getTime());
		if (statusCode < 200 || statusCode > 299) {
			const error = new ApiError(method, path, statusCode, detailIn(await readText(response)), retryAfterOf(headers));
			if (statusCode === 403) {
				this.#onDenied(error.message);
			}

			throw error;
		}

		return response;
	}
}

type Content = {readonly type: string; readonly body: unknown};

/** The message of a Status, or of the Status in a watch's `ERROR` event; else the beginning of the text, which may come from another server such as a proxy. */
const detailIn = (body: string): string => {
	try {
		const {message, object} = JSON.parse(body) as V1Status & {readonly object?: V1Status};
		return message ?? object?.message ?? body.slice(0, 300);
	} catch {
		return body.slice(0, 300);
	}
};
