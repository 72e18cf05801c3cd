/** As much of RFC 6902 as our patches use, and as strict: a member's parent must be there. */
import type {JsonPatchOperation} from '../../src/admission/patch.ts';

export const applyPatch = <Document>(document: Document, patch: readonly JsonPatchOperation[]): Document => {
	const result = structuredClone(document);
	for (const {path, value} of patch) {
		const steps = path.split('/').slice(1);
		const member = steps.pop() ?? '';
		const parent = steps.reduce<unknown>((place, step) => (place as Record<string, unknown> | undefined)?.[step], result);
		if (typeof parent !== 'object' || parent === null) {
			throw new TypeError(`${path} has no parent`);
		}

		(parent as Record<string, unknown>)[member] = value;
	}

	return result;
};
