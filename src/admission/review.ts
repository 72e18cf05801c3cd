/** The AdmissionReview that the API server sends, and the four answers to it. Pure. */
import * as v from 'valibot';
import {BadReviewError} from '../errors.ts';
import {bool, checkSchema, object, text} from './schema.ts';
import type {JsonPatchOperation} from './patch.ts';

/** The members of a request that an admission reads. */
export type AdmissionRequest = {
	readonly uid: string;
	/** Empty for an object without a namespace, which a Pod never is. */
	readonly namespace: string;
	/** Empty if the API server generates the name later. */
	readonly name: string;
	readonly dryRun: boolean;
	readonly operation: string;
	readonly kind: {readonly group: string; readonly version: string; readonly kind: string};
	readonly subResource?: string;
	/** Not yet decoded: see `decodePod`. */
	readonly object: unknown;
};

/** A complete response body. */
export type AdmissionReview = {
	readonly apiVersion: typeof apiVersion;
	readonly kind: typeof kind;
	readonly response: {
		readonly uid: string;
		readonly allowed: boolean;
		readonly status?: {readonly code: number; readonly reason: string; readonly message: string};
		readonly patchType?: 'JSONPatch';
		/** Base64 of a JSON Patch (RFC 6902). */
		readonly patch?: string;
		readonly warnings?: readonly string[];
		/** Members of the API server's audit event, named `mutate-pods.hostport.io/…` there. */
		readonly auditAnnotations?: {readonly 'request-uid': string};
	};
};

const apiVersion = 'admission.k8s.io/v1';
const kind = 'AdmissionReview';

const reviewSchema = object({
	apiVersion: v.literal(apiVersion, `"${apiVersion}"`),
	kind: v.literal(kind, `"${kind}"`),
	request: object({
		uid: v.pipe(text, v.nonEmpty('a string that is not empty')),
		// Part of every ledger entry, which must be small. A namespace's name is a DNS label.
		namespace: v.nullish(v.pipe(text, v.regex(/^(?:[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)?$/, 'the name of a namespace: at most 63 lower case letters, digits and hyphens'))),
		name: v.nullish(text),
		dryRun: v.nullish(bool),
		operation: text,
		kind: object({group: v.nullish(text), version: text, kind: text}),
		subResource: v.nullish(text),
	}),
});

/**
 * Reads a parsed request body.
 *
 * @throws {BadReviewError} 400, if it is no AdmissionReview of `admission.k8s.io/v1`, its request has no UID, or a member has the wrong type.
 */
export const decodeReview = (body: unknown): AdmissionRequest => {
	const {request} = checkSchema(reviewSchema, body, 'The request body', message => new BadReviewError(400, message));
	return {
		uid: request.uid,
		namespace: request.namespace ?? '',
		name: request.name ?? '',
		dryRun: request.dryRun ?? false,
		operation: request.operation,
		kind: {group: request.kind.group ?? '', version: request.kind.version, kind: request.kind.kind},
		...(request.subResource && {subResource: request.subResource}),
		object: request['object'],
	};
};

type Answerable = Pick<AdmissionRequest, 'uid'>;

/** Accepts the object unchanged. The client that created it sees the warnings. */
export const allowed = ({uid}: Answerable, warnings: readonly string[] = []): AdmissionReview =>
	answer({uid, allowed: true, ...someWarnings(warnings)});

/** Accepts the object with changes. */
export const patched = ({uid}: Answerable, patch: readonly JsonPatchOperation[], warnings: readonly string[] = []): AdmissionReview =>
	answer({
		uid,
		allowed: true,
		patchType: 'JSONPatch',
		patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
		...audited(uid),
		...someWarnings(warnings),
	});

/** Rejects the object, for the reason in the message; usually a `DenialError`. */
export const denied = ({uid}: Answerable, {code, message}: {readonly code: 400 | 403 | 503; readonly message: string}): AdmissionReview =>
	answer({uid, allowed: false, status: {code, reason: statusReasons[code], message}, ...audited(uid)});

/** Rejects the object because of a fault on our side: better no Pod than a Pod without its ports. */
export const errored = ({uid}: Answerable, message: string): AdmissionReview =>
	answer({uid, allowed: false, status: {code: 500, reason: 'InternalError', message}, ...audited(uid)});

type ReviewOutcome = 'allowed' | 'patched' | 'denied' | 'errored';

/** Which of the four answers a review is. */
export const outcomeOf = ({response: {allowed, patch, status}}: AdmissionReview): ReviewOutcome => {
	if (allowed) {
		return patch === undefined ? 'allowed' : 'patched';
	}

	return status?.code === 500 ? 'errored' : 'denied';
};

/** Kubernetes' words (`metav1.StatusReason`). */
const statusReasons = {400: 'BadRequest', 403: 'Forbidden', 503: 'ServiceUnavailable'} as const;

const answer = (response: AdmissionReview['response']): AdmissionReview => ({apiVersion, kind, response});

/** The API server's audit log does not have the UID otherwise. */
const audited = (uid: string) => ({auditAnnotations: {'request-uid': uid}}) as const;

const someWarnings = (warnings: readonly string[]) => warnings.length > 0 ? {warnings} : {};
