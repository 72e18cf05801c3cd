/** Patches that are more than a merge of JSON objects. */
import * as rfc6902 from 'rfc6902';
import type {ApiRequest} from '../../in-memory-api/answers.ts';
import type {Stored} from '../../in-memory-api/kinds.ts';
import {mergePatch} from '../../in-memory-api/merge-patch.ts';
import {strategicMerge} from './strategic-merge.ts';

/** Of server-side apply. */
export const applyPatchType = 'application/apply-patch+yaml';

type JsonPatch = Parameters<typeof rfc6902.applyPatch>[1];

/**
 * Returns the object after the patch; undefined if the patch is of no type that is handled here.
 *
 * Server-side apply is a merge without owners of fields: it never removes what an earlier manifest had, and it never conflicts.
 *
 * @throws an Error if an operation of a JSON Patch does not apply.
 */
export const patchedBy = (stored: Stored, {contentType, body}: Pick<ApiRequest, 'contentType' | 'body'>): unknown => {
	switch (contentType) {
		case 'application/json-patch+json': {
			return applyJsonPatch(stored, body as JsonPatch);
		}

		case 'application/strategic-merge-patch+json': {
			return strategicMerge(stored, body);
		}

		case applyPatchType: {
			return mergePatch(stored, body);
		}

		default: {
			return undefined;
		}
	}
};

/** @throws an Error that names the operation that does not apply. */
export const applyJsonPatch = <Document>(document: Document, patch: JsonPatch): Document => {
	const result = structuredClone(document);
	const error = rfc6902.applyPatch(result, patch).find(failure => failure !== null);
	if (error) {
		throw error;
	}

	return result;
};
