/**
 * `npm run coverage`: which lines of `src` the unit tests and the simulation run, by V8's own counts. Without the broken
 * versions of the product, whose text is another. Tests on a real control plane are not counted.
 */
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {globSync} from 'node:fs';
import {mkdtemp, readFile, readdir, rm} from 'node:fs/promises';
import {stripTypeScriptTypes} from 'node:module';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {fileURLToPath} from 'node:url';

/** As V8 writes it: ranges inside others, each with how often it was run; the innermost counts. */
type ScriptCoverage = {
	readonly url: string;
	readonly functions: ReadonlyArray<{readonly ranges: ReadonlyArray<{readonly startOffset: number; readonly endOffset: number; readonly count: number}>}>;
};

const root = fileURLToPath(new URL('..', import.meta.url));

const runTests = async (directory: string): Promise<boolean> => {
	const files = globSync('test/**/*.test.ts', {cwd: root})
		.filter(file => !file.startsWith('test/e2e/') && !file.endsWith('variants.test.ts'));
	const child = spawn(process.execPath, ['node_modules/ava/entrypoints/cli.js', ...files], {cwd: root, stdio: 'inherit', env: {...process.env, NODE_V8_COVERAGE: directory}});
	const [code] = await once(child, 'exit') as [number | null];
	return code === 0;
};

/** For each file of `src` that was loaded, by its path: whether each of its characters was run by anybody. */
const readCoverage = async (directory: string): Promise<ReadonlyMap<string, Uint8Array>> => {
	const ranByFile = new Map<string, Uint8Array>();
	for (const file of await readdir(directory)) {
		const {result} = JSON.parse(await readFile(path.join(directory, file), 'utf8')) as {readonly result: readonly ScriptCoverage[]};
		for (const {url, functions} of result) {
			const name = url.startsWith('file:') ? path.relative(root, fileURLToPath(url)) : '';
			if (name.startsWith('src/')) {
				const known = ranByFile.get(name);
				const ran = new Uint8Array(Math.max(known?.length ?? 0, ...functions.flatMap(({ranges}) => ranges.map(({endOffset}) => endOffset))));
				for (const {startOffset, endOffset, count} of functions.flatMap(({ranges}) => ranges).toSorted((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset)) {
					ran.fill(count > 0 ? 1 : 0, startOffset, endOffset);
				}

				ranByFile.set(name, known ? ran.map((value, index) => value | (known[index] ?? 0)) : ran);
			}
		}
	}

	return ranByFile;
};

/** Lines with code on them, and of them those of which nothing was run; types and comments are none. */
const judge = (source: string, ran: Uint8Array | undefined) => {
	const code = stripTypeScriptTypes(source);
	const lines: number[] = [];
	const missed: number[] = [];
	let offset = 0;
	let isInComment = false;
	for (const [index, text] of code.split('\n').entries()) {
		const isComment: boolean = isInComment || /^\s*(?:\/\/|\/\*)/.test(text);
		isInComment = isComment && !text.includes('*/') && !/^\s*\/\//.test(text);
		if (!isComment && /[\w$]/.test(text)) {
			lines.push(index + 1);
			if (!Array.from(text).some((character, place) => character.trim() !== '' && ran?.[offset + place])) {
				missed.push(index + 1);
			}
		}

		offset += text.length + 1;
	}

	return {lines, missed};
};

/** `3, 7-9` */
const shown = (numbers: readonly number[]): string => {
	const groups: Array<[number, number]> = [];
	for (const number of numbers) {
		const last = groups.at(-1);
		if (last?.[1] === number - 1) {
			last[1] = number;
		} else {
			groups.push([number, number]);
		}
	}

	return groups.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(', ');
};

const directory = await mkdtemp(path.join(os.tmpdir(), 'coverage-'));
try {
	process.exitCode = await runTests(directory) ? 0 : 1;
	const ranByFile = await readCoverage(directory);
	let [lines, missed] = [0, 0];
	for (const file of globSync('src/**/*.ts', {cwd: root}).toSorted()) {
		const found = judge(await readFile(path.join(root, file), 'utf8'), ranByFile.get(file));
		lines += found.lines.length;
		missed += found.missed.length;
		if (found.missed.length > 0) {
			console.log(`${file}: ${found.missed.length} of ${found.lines.length} lines are not run: ${shown(found.missed)}`);
		}
	}

	console.log(`${(100 * (1 - missed / lines)).toFixed(1)} % of the ${lines} lines of code in src are run, ${missed} are not`);
} finally {
	await rm(directory, {recursive: true});
}
