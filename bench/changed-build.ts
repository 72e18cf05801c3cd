/** Builds of the product with other constants, for what it has no option for because nobody but a measurement needs one. */
import {glob, readFile} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from '../scripts/build.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Builds into `directory` and resolves with the path of the bundle.
 *
 * @param settings by name: a constant (`const name = …;`) or a member (`name: …,`) in src, and the text of its new value.
 * @throws {Error} where not exactly one line of src gives that name a value.
 */
export const buildWith = async (settings: ReadonlyMap<string, string>, directory: string): Promise<string> => {
	const sources = new Map<string, string>();
	for await (const file of glob(`${root}src/**/*.ts`)) {
		sources.set(path.resolve(file), await readFile(file, 'utf8'));
	}

	const changed = new Map<string, string>();
	for (const [name, value] of settings) {
		const line = new RegExp(`^(?<before>\\s*(?:(?:export )?const ${name} = |${name}: ))[^;,\\n]+(?<after>[;,])$`, 'gm');
		const found = [...sources].flatMap(([file, text]) => [...text.matchAll(line)].map(() => file));
		const [file, another] = found;
		if (file === undefined || another !== undefined) {
			throw new Error(`"set:${name}=${value}" must mean one line of src, and there are ${found.length}: ${found.join(', ')}`);
		}

		changed.set(file, (changed.get(file) ?? sources.get(file)!).replace(line, `$<before>${value.replaceAll('$', '$$$$')}$<after>`));
	}

	return build({directory, textOf: file => changed.get(file)});
};
