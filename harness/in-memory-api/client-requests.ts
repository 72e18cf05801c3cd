/** The requests of the product's API client and its reading of answers, for in-memory clients that do without HTTP. */
import type {CompareAndSwap, RequestOptions} from '../../src/kubernetes/api-client.ts';
import {ApiError} from '../../src/errors.ts';
import {fieldManager} from '../../src/ports/ledger-origin.ts';
import type {ApiAnswer, ApiRequest} from './answers.ts';

type ReadOptions = Pick<RequestOptions, 'metadataOnly' | 'maybeStale'>;

/** The Accept header that asks for metadata only; none for whole objects. */
export const accepting = ({metadataOnly}: ReadOptions): Pick<ApiRequest, 'accept'> =>
	(metadataOnly ? {accept: `application/json;as=PartialObjectMetadata${metadataOnly === 'list' ? 'List' : ''};g=meta.k8s.io;v=v1`} : {});

export const getRequest = (path: string, options: ReadOptions): ApiRequest =>
	({method: 'GET', path: options.maybeStale ? `${path}?resourceVersion=0` : path, ...accepting(options)});

export const createRequest = (path: string, body: unknown, options: ReadOptions): ApiRequest =>
	({method: 'POST', path, body, fieldManager, ...accepting(options)});

export const compareAndSwapRequest = (path: string, body: CompareAndSwap, options: ReadOptions): ApiRequest =>
	({method: 'PATCH', path, body, contentType: 'application/strategic-merge-patch+json', fieldManager, ...accepting(options)});

/** @throws {ApiError} for an answer that is not 2xx. */
export const bodyOf = ({method, path}: ApiRequest, {status, body}: ApiAnswer): unknown => {
	if (status > 299) {
		// A real API server also sends `retryAfterSeconds` as the header Retry-After.
		const {message, details} = body as {readonly message: string; readonly details?: {readonly retryAfterSeconds?: number}};
		throw new ApiError(method, path, status, message, 1000 * (details?.retryAfterSeconds ?? 0));
	}

	return body;
};
