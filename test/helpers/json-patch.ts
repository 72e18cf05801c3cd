/** JSON Patch (RFC 6902) as the API server applies it, by a library that shares no code with the product. */
import * as rfc6902 from 'rfc6902';
import type {JsonPatchOperation} from '../../src/admission/patch.ts';

/**
 * Returns the patched document; the one that is given stays as it is.
 *
 * @throws when an operation does not apply, for instance because the parent of its path is missing.
 */
export const applyPatch = <Document>(document: Document, patch: readonly JsonPatchOperation[]): Document => {
	const result = structuredClone(document);
	const error = rfc6902.applyPatch(result, [...patch]).find(failure => failure !== null);
	if (error) {
		throw error;
	}

	return result;
};
