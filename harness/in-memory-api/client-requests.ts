/** What the product's client asks of an API server, and what it makes of an answer: for those who stand between the two in memory. */
import type {CompareAndSwap, RequestOptions} from '../../src/kubernetes/api-client.ts';
import {ApiError} from '../../src/errors.ts';
import type {ApiAnswer, ApiRequest} from './api-server.ts';

type Asked = Pick<RequestOptions, 'metadataOnly' | 'maybeStale'>;

export const accepting = ({metadataOnly}: Asked): Pick<ApiRequest, 'accept'> =>
	(metadataOnly ? {accept: `application/json;as=PartialObjectMetadata${metadataOnly === 'list' ? 'List' : ''};g=meta.k8s.io;v=v1`} : {});

export const getRequest = (path: string, options: Asked): ApiRequest =>
	({method: 'GET', path: options.maybeStale ? `${path}?resourceVersion=0` : path, ...accepting(options)});

export const createRequest = (path: string, body: unknown, options: Asked): ApiRequest =>
	({method: 'POST', path, body, ...accepting(options)});

export const compareAndSwapRequest = (path: string, body: CompareAndSwap, options: Asked): ApiRequest =>
	({method: 'PATCH', path, body, contentType: 'application/strategic-merge-patch+json', ...accepting(options)});

/** @throws {ApiError} for an answer that is not 2xx. */
export const bodyOf = ({method, path}: ApiRequest, {status, body}: ApiAnswer): unknown => {
	if (status > 299) {
		throw new ApiError(method, path, status, (body as {readonly message: string}).message);
	}

	return body;
};
