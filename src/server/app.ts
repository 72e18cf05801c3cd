/** The webhook and the health checks as Koa applications, apart from listening. The one place that turns errors into HTTP. */
import {Router} from '@koa/router';
import Koa from 'koa';
import type {Logger} from 'pino';
import {BadReviewError} from '../errors.ts';
import {BodyPool} from './body-pool.ts';
import {readJson} from './request-body.ts';

export type WebhookAppOptions = {
	/** Takes the decoded JSON of the body and answers with an AdmissionReview; throws `BadReviewError` where it is none. */
	readonly mutatePod: (body: unknown, signal: AbortSignal) => Promise<object>;
	readonly logger: Logger;
	/** Whether clients should go elsewhere with their next request. */
	readonly isStopping: () => boolean;
};

/** A webhook's timeout is at most 30 s and 10 s by default; no allocation is worth waiting longer for. */
const longestBudgetMs = 10_000;

/** The answer must arrive before the API server stops waiting for it. */
const marginMs = 500;

/** Room for thousands of honest reviews at once, and for four of the largest. */
const maximumUnfinishedBytes = 32 * 1024 * 1024;

/** `POST /mutate-pods`. */
export const createWebhookApp = ({mutatePod, logger, isStopping}: WebhookAppOptions): Koa => {
	const router = new Router();
	const pool = new BodyPool(maximumUnfinishedBytes);
	router.post('/mutate-pods', async context => {
		const given = new AbortController();
		const {signal} = given;
		const timer = setTimeout(() => given.abort(new DOMException('the time for the answer is up', 'TimeoutError')), budgetMs(context.query['timeout']));
		context.res.once('close', () => {
			if (!context.res.writableFinished) {
				given.abort(new Error('the client has closed the connection'));
			}
		});
		try {
			const review = await mutatePod(await readJson(context, pool, signal), signal);
			context.set('Content-Type', 'application/json; charset=utf-8');
			// As text: of an object Koa asks whether it is a `Response`, for which Node loads its HTTP client, 3 MB.
			context.body = JSON.stringify(review);
		} finally {
			clearTimeout(timer);
			if (isStopping()) {
				context.set('Connection', 'close');
			}
		}
	});
	return createApp(router, logger);
};

export type Health = {
	/** Undefined when ready; else a sentence that says why not. */
	readonly whyNotReady: () => string | undefined;
};

/** `/livez` and `/readyz`, as Kubernetes' own components have them. */
export const createHealthApp = ({whyNotReady}: Health, logger: Logger): Koa => {
	const router = new Router();
	router.get('/livez', context => {
		context.body = 'ok';
	});
	router.get('/readyz', context => {
		const reason = whyNotReady();
		context.status = reason ? 503 : 200;
		context.body = reason ?? 'ok';
	});
	return createApp(router, logger);
};

/**
 * How long the work on a request may take, in milliseconds: what the API server allows (`?timeout=10s`, rounded up by it
 * to whole seconds), less a margin for the way back.
 */
export const budgetMs = (timeout: string | readonly string[] | undefined): number => {
	const seconds = /^(\d{1,4})s$/.exec(String(timeout))?.[1];
	const allowedMs = Math.min(seconds ? Number(seconds) * 1000 : longestBudgetMs, longestBudgetMs);
	return Math.max(allowedMs - marginMs, allowedMs / 2);
};

/** `/metrics`, in the text format of Prometheus. */
export const createMetricsApp = (registry: {readonly contentType: string; readonly metrics: () => Promise<string>}, logger: Logger): Koa => {
	const router = new Router();
	router.get('/metrics', async context => {
		context.type = registry.contentType;
		context.body = await registry.metrics();
	});
	return createApp(router, logger);
};

const createApp = (router: Router, logger: Logger): Koa => {
	const app = new Koa();
	app.on('error', (error: Error) => {
		// Its client has gone away, most likely.
		logger.warn({err: error}, 'a connection failed');
	});
	app.use(async (context, next) => {
		// Read now: a connection that is gone has no address any more.
		const request = `${context.method} ${context.path} from ${context.ip}`;
		try {
			await next();
		} catch (error) {
			if (error instanceof BadReviewError) {
				logger.warn(`${request}: ${error.message}`);
				context.status = error.status;
				context.body = `${error.message}\n`;
			} else {
				// Not what the error itself says: Koa would take its `status` and `headers` for ours.
				logger.error({err: error}, `${request} failed`);
				context.status = 500;
				context.body = 'the operator has failed, and its log says why\n';
			}

			// What is left of the body is not worth reading.
			context.set('Connection', 'close');
		}
	});
	app.use(router.routes());
	app.use(router.allowedMethods());
	return app;
};
