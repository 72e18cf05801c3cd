/** Loads a broken version of the product in place of the real one, in this thread alone. */
import {registerHooks} from 'node:module';
import type {LoadFnOutput} from 'node:module';
import {productFiles} from './product-files.ts';
import type {Edit, Variant} from './variants.ts';

const source = new URL('../../../src/', import.meta.url).href;

/**
 * Must be called before anything of `src` is loaded. Importing a file throws when a text to replace is not in it exactly
 * once: then the product has changed, and the variant must follow. The version before has the same fault.
 */
export const loadVariant = ({name, edits}: Variant): void => {
	registerHooks({
		load: (url, context, nextLoad) => withEdits(`the variant "${name}"`, nextLoad(url, context), url.split('?')[0]!, edits),
	});
};

/** A loaded file with those of the edits that are for it. @throws when one does not fit. */
export const withEdits = (name: string, loaded: LoadFnOutput, url: string, edits: readonly Edit[]): LoadFnOutput => {
	const mine = edits.filter(({file}) => url === source + productFiles[file]);
	if (mine.length === 0) {
		return loaded;
	}

	let text = Buffer.from(loaded.source as Uint8Array).toString();
	for (const {file, replace, with: replacement} of mine) {
		if (text.split(replace).length !== 2) {
			throw new Error(`${name} does not fit any more: src/${productFiles[file]} has this ${text.split(replace).length - 1} times:\n${replace}`);
		}

		text = text.replace(replace, () => replacement);
	}

	return {...loaded, source: text};
};
