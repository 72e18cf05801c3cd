/** The webhook, health checks and metrics as Koa applications; listener.ts listens. The only place that turns errors into HTTP responses. */
import {Router} from '@koa/router';
import Koa from 'koa';
import type {Logger} from 'pino';
import {BadReviewError} from '../errors.ts';
import {BytePool} from './byte-pool.ts';
import {readJson} from './request-body.ts';
import {createUnsentAnswers} from './unsent-answers.ts';

export type WebhookAppOptions = {
	/** The path of the webhook. Every other path is 404, and its body is not read. */
	readonly path: string;
	/** Answers the decoded JSON body with an AdmissionReview. Throws `BadReviewError` if the body is no AdmissionReview. */
	readonly mutatePod: (body: unknown, signal: AbortSignal) => Promise<object>;
	readonly logger: Logger;
	/** Whether clients should open their next connection to another replica. */
	readonly isStopping: () => boolean;
	/** How long a client may take to read its answer, milliseconds. Default 10 s, the API server's default timeout for webhooks. */
	readonly drainMs?: number;
};

/** The API server's default timeout for webhooks (its maximum is 30 s). No allocation takes that long. */
const longestTimeoutMs = 10_000;

/** Time for the answer to arrive before the API server stops waiting. */
const marginMs = 500;

/** Bounds the bodies that are arriving or whose answers are being made: a thousand normal reviews, or two of the largest. */
const maximumUnfinishedBytes = 16 * 1024 * 1024;

/** `POST` to the webhook's path. */
export const createWebhookApp = ({path, mutatePod, logger, isStopping, drainMs}: WebhookAppOptions): Koa => {
	const router = new Router({sensitive: true, strict: true});
	const pool = new BytePool(maximumUnfinishedBytes);
	router.post(path, async context => {
		const {signal, abort, clear} = startDeadline(context);
		const tooMany = new BadReviewError(429, 'too many large reviews are at work at once: try again');
		const holding = pool.hold(() => abort(tooMany));
		try {
			const body = await readJson(context, holding, signal);
			// No work is begun for a review that has made room for another one.
			signal.throwIfAborted();
			const review = await mutatePod(body, signal);
			context.set('Content-Type', 'application/json; charset=utf-8');
			// Bytes, because Node would keep a string beside its bytes while the answer is unsent. Not the object: Koa would check whether it is a `Response`, which makes Node load its HTTP client (3 MB).
			context.body = Buffer.from(JSON.stringify(review));
		} finally {
			holding.end();
			clear();
			if (isStopping()) {
				context.set('Connection', 'close');
			}
		}
	});
	return createApp(router, logger, drainMs);
};

export type Health = {
	/** A sentence for the answer if the replica is not ready; undefined if it is. */
	readonly whyNotReady: () => string | undefined;
};

/** `/livez` and `/readyz`, like Kubernetes' own components. */
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

/** `/metrics`, in Prometheus' text format. */
export const createMetricsApp = (registry: {readonly contentType: string; readonly metrics: () => Promise<string>}, logger: Logger): Koa => {
	const router = new Router();
	router.get('/metrics', async context => {
		context.type = registry.contentType;
		context.body = await registry.metrics();
	});
	return createApp(router, logger);
};

const createApp = (router: Router, logger: Logger, drainMs = longestTimeoutMs): Koa => {
	const app = new Koa();
	const boundAnswer = createUnsentAnswers({drainMs, onClosed: message => logger.warn(message)});
	app.on('error', (error: Error) => {
		// Most likely, the client has closed the connection.
		logger.warn({err: error}, 'a connection failed');
	});
	app.use(async (context, next) => {
		await next();
		if (context.status >= 400) {
			// The rest of the body may not have been read.
			context.set('Connection', 'close');
		}

		boundAnswer(context);
	});
	app.use(async (context, next) => {
		// Read before `next`: a closed connection has no address.
		const request = `${context.method} ${context.path} from ${context.ip}`;
		try {
			await next();
		} catch (error) {
			if (error instanceof BadReviewError) {
				logger.warn(`${request}: ${error.message}`);
				context.status = error.status;
				context.body = `${error.message}\n`;
			} else {
				// Koa's own handling would use the error's `status` and `headers`, and could show its message to the client.
				logger.error({err: error}, `${request} failed`);
				context.status = 500;
				context.body = 'internal error: see the log of the operator\n';
			}
		}
	});
	app.use(router.routes());
	app.use(router.allowedMethods());
	return app;
};

/** A signal that aborts when the time for the answer is over, the client goes away, or `abort` is called. `clear` ends its timer. */
const startDeadline = (context: Koa.Context): {readonly signal: AbortSignal; readonly abort: (reason: Error) => void; readonly clear: () => void} => {
	const controller = new AbortController();
	const timer = setTimeout(() => controller.abort(new DOMException('the deadline for the answer has passed', 'TimeoutError')), budgetMs(context.query['timeout']));
	context.res.once('close', () => {
		if (!context.res.writableFinished) {
			controller.abort(new Error('the client has closed the connection'));
		}
	});
	return {signal: controller.signal, abort: reason => controller.abort(reason), clear: () => clearTimeout(timer)};
};

/**
 * How long the work on a request may take, in milliseconds: the API server's timeout (`?timeout=10s`, in whole seconds,
 * which the API server rounds up), less a margin for the answer.
 */
export const budgetMs = (timeout: string | readonly string[] | undefined): number => {
	const seconds = /^(\d{1,4})s$/.exec(String(timeout))?.[1];
	const allowedMs = Math.min(seconds ? Number(seconds) * 1000 : longestTimeoutMs, longestTimeoutMs);
	return Math.max(allowedMs - marginMs, allowedMs / 2);
};
