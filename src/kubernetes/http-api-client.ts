/** The API client over HTTPS, on the keep-alive connections of credentials.ts. */
import type http from 'node:http';
import type {V1Status} from '@kubernetes/client-node';
import {ApiError} from '../errors.ts';
import {ApiClient} from './api-client.ts';
import type {CompareAndSwap, RequestOptions, WatchEvent, WatchOptions} from './api-client.ts';
import type {Connection} from './credentials.ts';
import {readLines, readText, sendRequest} from './http-request.ts';

/** Bounds every request, whatever signal the caller passes. Watches have a bound of their own. */
const requestTimeoutMs = 15_000;

export class HttpApiClient extends ApiClient {
	readonly #connection: Connection;
	readonly #onDenied: (message: string) => void;

	/** @param onDenied called with the API server's message for each 403 answer, before the error is thrown. */
	constructor(connection: Connection, onDenied: (message: string) => void = () => {}) {
		super();
		this.#connection = connection;
		this.#onDenied = onDenied;
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
		const response = await this.#send('GET', `${path}&watch=true&timeoutSeconds=${timeoutSeconds}`, undefined, {
			// A dead connection never ends the watch. 15 s is time enough for the server to end it first.
			signal: AbortSignal.any([signal, AbortSignal.timeout((timeoutSeconds + 15) * 1000)]),
			metadataOnly,
		});
		for await (const line of readLines(response)) {
			const event = JSON.parse(line) as WatchEvent<T>;
			if (event.type === 'ERROR') {
				throw apiError('GET', path, (event.object as V1Status).code ?? 500, line);
			}

			yield event;
		}
	}

	async #json<T>(method: 'GET' | 'POST' | 'PATCH', path: string, content: Content | undefined, options: RequestOptions): Promise<T> {
		const timeout = new AbortController();
		const timer = setTimeout(() => timeout.abort(new DOMException(`the API server did not answer within ${requestTimeoutMs / 1000} s`, 'TimeoutError')), requestTimeoutMs);
		try {
			const response = await this.#send(method, path, content, {...options, signal: AbortSignal.any([options.signal, timeout.signal])});
			return JSON.parse(await readText(response, options.maximumLength)) as T;
		} finally {
			clearTimeout(timer);
		}
	}

	async #send(method: 'GET' | 'POST' | 'PATCH', path: string, content: Content | undefined, {signal, metadataOnly}: RequestOptions): Promise<http.IncomingMessage> {
		const response = await sendRequest(this.#connection, {
			method,
			path,
			signal,
			headers: {
				accept: metadataOnly ? `application/json;as=PartialObjectMetadata${metadataOnly === 'list' ? 'List' : ''};g=meta.k8s.io;v=v1` : 'application/json',
				'user-agent': 'hostport-operator',
				...(content && {'content-type': content.type}),
			},
			body: content?.body,
		});
		const {statusCode = 0} = response;
		if (statusCode < 200 || statusCode > 299) {
			const error = apiError(method, path, statusCode, await readText(response));
			if (statusCode === 403) {
				this.#onDenied(error.message);
			}

			throw error;
		}

		return response;
	}
}

type Content = {readonly type: string; readonly body: unknown};

const apiError = (method: string, path: string, status: number, body: string): ApiError =>
	new ApiError(method, path, status, messageIn(body) ?? body.slice(0, 300));

/** The message of a Status, or of the Status in a watch's `ERROR` event. Undefined for an answer of another server, such as a proxy. */
const messageIn = (body: string): string | undefined => {
	try {
		const {message, object} = JSON.parse(body) as V1Status & {readonly object?: V1Status};
		return message ?? object?.message;
	} catch {
		return undefined;
	}
};
