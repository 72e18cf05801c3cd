/**
 * Everything that the product throws on purpose. A message says what was wrong, which value was seen and what to do;
 * one place (`server/app.ts` for HTTP, `admission/mutate-pod.ts` for reviews) turns errors into responses.
 */

/** Shown to whoever creates the Pod: the answer is `allowed: false` with this message. */
export class DenialError extends Error {
	override name = 'DenialError';
	/** HTTP status and Kubernetes reason of the answer: 400 the Pod must change, 403 the administrator forbids it, 503 try again. */
	readonly code: 400 | 403 | 503;

	constructor(code: 400 | 403 | 503, message: string, options?: ErrorOptions) {
		super(message, options);
		this.code = code;
	}
}

/** The HTTP request is not an AdmissionReview that we could answer: a plain 4xx. */
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

/** The ledger's index is not one that this version can read, so nothing can be allocated. */
export class LedgerFormatError extends Error {
	override name = 'LedgerFormatError';

	constructor(problem: string) {
		super(`the ConfigMap hostport-ledger can't be used: ${problem}. Run the version of the operator that wrote it, or mend it by hand`);
	}
}

/** The process can't do what its flags, files or credentials ask for. It ends with exit code 2. */
export class ConfigurationError extends Error {
	override name = 'ConfigurationError';
}

/** The API server answered a request with something other than 2xx. */
export class ApiError extends Error {
	override name = 'ApiError';
	readonly status: number;

	constructor(method: string, path: string, status: number, detail: string) {
		super(`${method} ${path.replace(/\?.*/, '')}: ${status} ${detail}`);
		this.status = status;
	}
}

/** Whether the same thing may work a moment later. A mistake of ours, or rights that are missing, will not go away so soon. */
export const isTransient = (error: unknown): boolean => {
	if (error instanceof ApiError) {
		// What is not there, is made; unless its namespace is gone, and then not before that is back.
		return error.status === 404 || error.status === 429 || error.status >= 500;
	}

	return !(error instanceof LedgerFormatError || error instanceof TypeError || error instanceof RangeError);
};

/** The text of anything that was thrown. */
export const messageOf = (error: unknown): string => error instanceof Error ? error.message : String(error);
