/** Loads a broken version of the product in place of the real one, in this thread alone. */
import {registerHooks} from 'node:module';
import type {Variant} from './variants.ts';

const source = new URL('../../src/', import.meta.url).href;

/**
 * Must be called before anything of `src` is loaded. Importing a file throws when a text to replace is not in it exactly
 * once: then the product has changed, and the variant must follow.
 */
export const loadVariant = ({name, edits}: Variant): void => {
	registerHooks({
		load(url, context, nextLoad) {
			const result = nextLoad(url, context);
			const mine = edits.filter(({file}) => url === source + file);
			if (mine.length === 0) {
				return result;
			}

			let text = Buffer.from(result.source as Uint8Array).toString();
			for (const {file, replace, with: replacement} of mine) {
				if (text.split(replace).length !== 2) {
					throw new Error(`the variant "${name}" does not fit any more: src/${file} has this ${text.split(replace).length - 1} times:\n${replace}`);
				}

				text = text.replace(replace, () => replacement);
			}

			return {...result, source: text};
		},
	});
};
