/** Builds the product with other values of constants that have no option, because only measurements change them. */
import {glob, readFile} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from '../scripts/build.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Replaces the values in the source text, builds into `directory`, and resolves with the path of the bundle.
 *
 * @param settings names in src (`const name = …;` or a property `name: …,`, on a line of its own) with the source text of
 * their new values.
 * @throws {Error} unless exactly one line of src sets each name.
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
			throw new Error(`"set:${name}=${value}" needs exactly one line of src that sets ${name} ("const ${name} = …;" or "${name}: …,"), and `
				+ (file === undefined ? 'there is none. Was it renamed?' : `there are ${found.length}: in ${found.map(each => path.relative(root, each)).join(', ')}`));
		}

		changed.set(file, (changed.get(file) ?? sources.get(file)!).replace(line, `$<before>${value.replaceAll('$', '$$$$')}$<after>`));
	}

	return build({directory, textOf: file => changed.get(file)});
};
