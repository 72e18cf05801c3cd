/** The AdmissionReview that the API server sends, and the four answers to it. Pure. */
import * as v from 'valibot';
import {BadReviewError} from '../errors.ts';
import {bool, object, text, validated} from './schema.ts';
import type {JsonPatchOperation} from './patch.ts';

/** What an admission reads of the request. */
export type AdmissionRequest = {
	readonly uid: string;
	/** Empty for what belongs to no namespace; never so for a Pod. */
	readonly namespace: string;
	/** Empty where the API server has yet to generate the name. */
	readonly name: string;
	readonly dryRun: boolean;
	readonly operation: string;
	readonly kind: {readonly group: string; readonly version: string; readonly kind: string};
	readonly subResource?: string;
	/** As it came: see `decodePod`. */
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
	};
};

const apiVersion = 'admission.k8s.io/v1';
const kind = 'AdmissionReview';

const reviewSchema = object({
	apiVersion: v.literal(apiVersion, `"${apiVersion}"`),
	kind: v.literal(kind, `"${kind}"`),
	request: object({
		uid: v.pipe(text, v.nonEmpty('a string that is not empty')),
		// Part of every ledger entry, whose size must stay bounded; a namespace's name is a DNS label.
		namespace: v.nullish(v.pipe(text, v.maxLength(63, 'at most 63 characters long'))),
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
 * @throws {BadReviewError} (400) when it is no AdmissionReview of `admission.k8s.io/v1`, has no request with a UID, or a member has the wrong type.
 */
export const decodeReview = (body: unknown): AdmissionRequest => {
	const {request} = validated(reviewSchema, body, 'The request body', message => new BadReviewError(400, message));
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

/** All that an answer needs of its request. */
export type Answerable = {readonly uid: string};

/** Let through as it is. Warnings are shown to whoever created the object. */
export const allowed = ({uid}: Answerable, warnings: readonly string[] = []): AdmissionReview =>
	answer({uid, allowed: true, ...someWarnings(warnings)});

/** Let through with changes. */
export const patched = ({uid}: Answerable, patch: readonly JsonPatchOperation[], warnings: readonly string[] = []): AdmissionReview =>
	answer({
		uid,
		allowed: true,
		patchType: 'JSONPatch',
		patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
		...someWarnings(warnings),
	});

/** Refused, for a reason that the message explains. A `DenialError` is such a reason. */
export const denied = ({uid}: Answerable, {code, message}: {readonly code: 400 | 403 | 503; readonly message: string}): AdmissionReview =>
	answer({uid, allowed: false, status: {code, reason: denialReasons[code], message}});

/** Refused because of a defect or fault on our side: better no Pod than one without its ports. */
export const errored = ({uid}: Answerable, message: string): AdmissionReview =>
	answer({uid, allowed: false, status: {code: 500, reason: 'InternalError', message}});

export type ReviewOutcome = 'allowed' | 'patched' | 'denied' | 'errored';

/** Which of the four answers it is. */
export const outcomeOf = ({response: {allowed, patch, status}}: AdmissionReview): ReviewOutcome => {
	if (allowed) {
		return patch === undefined ? 'allowed' : 'patched';
	}

	return status?.code === 500 ? 'errored' : 'denied';
};

/** Kubernetes' words (`metav1.StatusReason`). */
const denialReasons = {400: 'BadRequest', 403: 'Forbidden', 503: 'ServiceUnavailable'} as const;

const answer = (response: AdmissionReview['response']): AdmissionReview => ({apiVersion, kind, response});

const someWarnings = (warnings: readonly string[]) => warnings.length > 0 ? {warnings} : {};
