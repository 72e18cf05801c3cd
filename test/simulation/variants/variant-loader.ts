/** Loads a variant of the product in place of the real one, in this thread only. */
import {registerHooks} from 'node:module';
import type {LoadFnOutput} from 'node:module';
import {productFiles} from './product-files.ts';
import type {Edit, Variant} from './variants.ts';

const source = new URL('../../../src/', import.meta.url).href;

/**
 * Call it before any file of `src` is imported. Importing a changed file throws if a text to replace is not in it exactly
 * once: then the product has changed, and the variant must be updated. The variant applies to the previous release too.
 */
export const loadVariant = ({name, edits}: Variant): void => {
	registerHooks({
		load: (url, context, nextLoad) => withEdits(`the variant "${name}"`, nextLoad(url, context), url.split('?')[0]!, edits),
	});
};

/** A loaded file with its edits applied. @throws when a text to replace is not in it exactly once. */
export const withEdits = (name: string, loaded: LoadFnOutput, url: string, edits: readonly Edit[]): LoadFnOutput => {
	const mine = edits.filter(({file}) => url === source + productFiles[file]);
	if (mine.length === 0) {
		return loaded;
	}

	let text = Buffer.from(loaded.source as Uint8Array).toString();
	for (const {file, replace, with: replacement} of mine) {
		if (text.split(replace).length !== 2) {
			throw new Error(`${name} must be updated: src/${productFiles[file]} must have this text once, but has it ${text.split(replace).length - 1} times:\n${replace}`);
		}

		text = text.replace(replace, () => replacement);
	}

	return {...loaded, source: text};
};
