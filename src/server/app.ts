/** The webhook and the health checks as Koa applications, apart from listening. The one place that turns errors into HTTP. */
import {Router} from '@koa/router';
import Koa from 'koa';
import type {Logger} from 'pino';
import getRawBody from 'raw-body';
import {BadReviewError} from '../errors.ts';

export type WebhookAppOptions = {
	/** Takes the decoded JSON of the body and answers with an AdmissionReview; throws `BadReviewError` where it is none. */
	readonly mutatePod: (body: unknown, signal: AbortSignal) => Promise<object>;
	readonly logger: Logger;
	/** Whether clients should go elsewhere with their next request. */
	readonly isStopping: () => boolean;
};

/**
 * The API server refuses objects of more than 3 MiB by default; a review holds one, and as much again in what is around
 * and inside it. controller-runtime draws the line at the same size.
 */
const maximumBodyBytes = 7 * 1024 * 1024;

/** A webhook's timeout is at most 30 s and 10 s by default; no allocation is worth waiting longer for. */
const longestBudgetMs = 10_000;

/** The answer must arrive before the API server stops waiting for it. */
const marginMs = 500;

/** `POST /mutate-pods`. */
export const createWebhookApp = ({mutatePod, logger, isStopping}: WebhookAppOptions): Koa => {
	const app = createApp(logger);
	const router = new Router();
	router.post('/mutate-pods', async context => {
		if (isStopping()) {
			context.set('Connection', 'close');
		}

		const gone = new AbortController();
		context.res.once('close', () => gone.abort(new Error('the client has closed the connection')));
		const budget = AbortSignal.timeout(budgetMs(context.query['timeout']));
		const body = await readJson(context);
		context.body = await mutatePod(body, AbortSignal.any([gone.signal, budget]));
	});
	app.use(router.routes());
	app.use(router.allowedMethods());
	return app;
};

export type Health = {
	/** Undefined when ready; else a sentence that says why not. */
	readonly whyNotReady: () => string | undefined;
};

/** `/livez` and `/readyz`, as Kubernetes' own components have them. */
export const createHealthApp = ({whyNotReady}: Health, logger: Logger): Koa => {
	const app = createApp(logger);
	const router = new Router();
	router.get('/livez', context => {
		context.body = 'ok';
	});
	router.get('/readyz', context => {
		const reason = whyNotReady();
		context.status = reason ? 503 : 200;
		context.body = reason ?? 'ok';
	});
	app.use(router.routes());
	app.use(router.allowedMethods());
	return app;
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

const createApp = (logger: Logger): Koa => {
	const app = new Koa();
	app.on('error', (error: Error & {status?: number; expose?: boolean}) => {
		if (!error.expose) {
			logger.error({err: error}, 'a request failed');
		}
	});
	app.use(async (context, next) => {
		try {
			await next();
		} catch (error) {
			if (!(error instanceof BadReviewError)) {
				throw error;
			}

			logger.warn(`${context.method} ${context.path} from ${context.ip}: ${error.message}`);
			context.status = error.status;
			context.body = `${error.message}\n`;
			// What is left of the body is not worth reading.
			context.set('Connection', 'close');
		}
	});
	return app;
};

const utf8 = new TextDecoder('utf-8', {fatal: true});

const readJson = async (context: Koa.Context): Promise<unknown> => {
	if (!context.is('application/json')) {
		throw new BadReviewError(415, `the Content-Type is "${context.get('Content-Type')}": send an AdmissionReview as application/json`);
	}

	try {
		const body = await getRawBody(context.req, {limit: maximumBodyBytes, length: context.req.headers['content-length'] ?? null});
		return JSON.parse(utf8.decode(body)) as unknown;
	} catch (error) {
		if (error instanceof Error && 'type' in error && error.type === 'entity.too.large') {
			throw new BadReviewError(413, `the body is larger than ${maximumBodyBytes} bytes`, {cause: error});
		}

		throw new BadReviewError(400, `the body is not JSON in UTF-8: ${error instanceof Error ? error.message.slice(0, 200) : String(error)}`, {cause: error});
	}
};
