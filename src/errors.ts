/**
 * The errors that the operator throws on purpose. A message says what is wrong, which value was seen and what to do. Only
 * server/app.ts (HTTP) and admission/mutate-pod.ts (reviews) turn errors into responses.
 */

/** Why Pods are denied, as metrics count it. */
export const denialReasons = ['invalid', 'forbidden', 'too_many_ports', 'pod_security', 'exhausted', 'held_limit', 'port_taken', 'unavailable', 'timeout'] as const;

export type DenialReason = typeof denialReasons[number];

/** The Pod is denied: the answer is `allowed: false` with this message, which the Pod's creator sees. */
export class DenialError extends Error {
	override name = 'DenialError';
	/** HTTP status in the answer: 400 the Pod must change, 403 the administrator forbids it or no number is left, 503 try again. */
	readonly code: 400 | 403 | 503;
	readonly reason: DenialReason;

	/** @param options `reason`: by default, what the code says. */
	constructor(code: 400 | 403 | 503, message: string, {reason = usualReasons[code], ...options}: ErrorOptions & {readonly reason?: DenialReason} = {}) {
		super(message, options);
		this.code = code;
		this.reason = reason;
	}
}

const usualReasons = {400: 'invalid', 403: 'forbidden', 503: 'unavailable'} as const satisfies Record<number, DenialReason>;

/** The HTTP request is no AdmissionReview that could be answered: a plain 4xx response. */
export class BadReviewError extends Error {
	override name = 'BadReviewError';
	readonly status: 400 | 413 | 415 | 429;

	constructor(status: 400 | 413 | 415 | 429, message: string, options?: ErrorOptions) {
		super(message, options);
		this.status = status;
	}
}

/** A port range is not of the form `first-last` with whole numbers from 1 to 65535. */
export class InvalidPortRangeError extends Error {
	override name = 'InvalidPortRangeError';

	constructor(text: string) {
		super(`"${text}" is not a port range: write it as first-last with whole numbers from 1 to 65535, for instance 30000-32767`);
	}
}

/** This version can't read the ledger's index, so nothing can be allocated. */
export class LedgerFormatError extends Error {
	override name = 'LedgerFormatError';

	constructor(problem: string) {
		super(`the ConfigMap hostport-ledger can't be used: ${problem}. Run the version of the operator that wrote it, or repair it by hand`);
	}
}

/** The flags, files or credentials can't be used. The process ends with exit code 2. */
export class ConfigurationError extends Error {
	override name = 'ConfigurationError';
}

/** Characters of an API server's message in ours, which get into the log and into denials. Most have about 200. */
const maximumDetailLength = 1000;

/** The API server answered a request with a status other than 2xx. */
export class ApiError extends Error {
	override name = 'ApiError';
	readonly status: number;
	/** How long the API server asks to wait before the next request (`Retry-After`), milliseconds; 0 if it does not. */
	readonly retryAfterMs: number;

	constructor(method: string, path: string, status: number, detail: string, retryAfterMs = 0) {
		super(`${method} ${path.replace(/\?.*/, '')}: ${status} ${detail.slice(0, maximumDetailLength)}`);
		this.status = status;
		this.retryAfterMs = retryAfterMs;
	}
}

/** An answer of the API server is longer than its reader allows, so the rest of it was not read. */
export class AnswerTooLongError extends Error {
	override name = 'AnswerTooLongError';

	/** @param maximumLength in characters. */
	constructor(maximumLength: number, options?: ErrorOptions) {
		super(`the API server's answer is longer than ${maximumLength} characters`, options);
	}
}

/** Whether a ledger operation that failed may succeed a moment later. Bugs and missing rights don't go away so soon. */
export const isTransient = (error: unknown): boolean => {
	if (error instanceof ApiError) {
		// 404: an object that is missing is created by the next attempt.
		return error.status === 404 || error.status === 429 || error.status >= 500;
	}

	return !(error instanceof LedgerFormatError || error instanceof TypeError || error instanceof RangeError);
};

/** The message of a thrown value, whatever its type. */
export const messageOf = (error: unknown): string => error instanceof Error ? error.message : String(error);
