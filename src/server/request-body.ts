/** Reads a request's body as JSON, within limits of time and size. */
import type http from 'node:http';
import type Koa from 'koa';
import getRawBody from 'raw-body';
import {BadReviewError, messageOf} from '../errors.ts';
import type {Holding} from './byte-pool.ts';

/**
 * The API server rejects objects of more than 3 MiB by default. A review contains one, and its escaping and metadata may
 * double that. controller-runtime has the same limit.
 */
export const maximumBodyBytes = 7 * 1024 * 1024;

/**
 * @param holding counts the bytes as they arrive. The caller ends it.
 * @throws {BadReviewError} if the body is not JSON, is encoded or too large, or the signal is aborted before it is complete. A signal's own `BadReviewError` is thrown as it is.
 */
export const readJson = async (context: Koa.Context, holding: Holding, signal: AbortSignal): Promise<unknown> => {
	// `is` returns null for a request without a body, which is rejected below.
	if (context.is('application/json') === false) {
		throw new BadReviewError(415, `the Content-Type is "${context.get('Content-Type').slice(0, 100)}": send an AdmissionReview as application/json`);
	}

	const encoding = context.get('Content-Encoding');
	if (!/^(?:identity)?$/i.test(encoding)) {
		throw new BadReviewError(415, `the Content-Encoding is "${encoding.slice(0, 100)}": send the body as it is`);
	}

	const body = await readBody(context.req, holding, signal);
	if (body.length === 0) {
		throw new BadReviewError(400, 'the body is empty: send an AdmissionReview');
	}

	try {
		return JSON.parse(utf8.decode(body)) as unknown;
	} catch (error) {
		throw new BadReviewError(400, `the body is not JSON in UTF-8: ${messageOf(error).slice(0, 200)}`, {cause: error});
	}
};

const utf8 = new TextDecoder('utf-8', {fatal: true});

const readBody = async (request: http.IncomingMessage, holding: Holding, signal: AbortSignal): Promise<Buffer> => {
	const {promise: failure, reject} = Promise.withResolvers<never>();
	const onAbort = () => reject(signal.reason instanceof BadReviewError ? signal.reason : new BadReviewError(400, `the body did not arrive in time: ${messageOf(signal.reason)}`, {cause: signal.reason}));
	signal.addEventListener('abort', onAbort, {once: true});
	request.on('data', (chunk: Buffer) => holding.grow(chunk.length));
	try {
		return await Promise.race([failure, getRawBody(request, {limit: maximumBodyBytes, length: request.headers['content-length'] ?? null})]);
	} catch (error) {
		if (error instanceof BadReviewError) {
			throw error;
		}

		const isTooLarge = error instanceof Error && 'type' in error && error.type === 'entity.too.large';
		throw isTooLarge
			? new BadReviewError(413, `the body is larger than ${maximumBodyBytes} bytes`, {cause: error})
			: new BadReviewError(400, `the body could not be read: ${messageOf(error)}`, {cause: error});
	} finally {
		signal.removeEventListener('abort', onAbort);
	}
};
