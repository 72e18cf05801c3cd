/** Runs the tests that concern a file of `src`, with a mutant of it or as it is. */
import {spawn} from 'node:child_process';
import {existsSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import {pathToFileURL} from 'node:url';
import type {Mutant} from './mutants.ts';

/** What noticed the mutant; undefined if nothing did. */
export type Verdict = 'its own test' | 'a test of its folder' | 'the simulation' | 'the time limit' | undefined;

/** Many times what the tests of a folder take. A mutant that makes them hang counts as noticed. */
const limitMs = 120_000;

/** Folders whose rules the simulation checks too. */
const simulated = new Set(['ports', 'ledger', 'lease', 'reconcile']);

/** @param seeds How many seeds of the simulation a mutant must survive. */
export const judgeMutant = async (mutant: Mutant, seeds: number): Promise<Verdict> => {
	const own = ownTest(mutant.file);
	const folder = folderTests(mutant.file);
	const isSimulated = simulated.has(path.basename(path.dirname(mutant.file))) && seeds > 0;
	const steps = [
		...(existsSync(own) ? [['its own test', [...ava, own]] as const] : []),
		...(folder === own ? [] : [['a test of its folder', [...ava, folder]] as const]),
		...(isSimulated ? [['the simulation', ['test/simulation/simulate.ts', '--jobs', '1', '--seeds', String(seeds)]] as const] : []),
	];
	for (const [judge, args] of steps) {
		const result = await run(args, mutant);
		if (result !== 'passed') {
			return result === 'hung' ? 'the time limit' : judge;
		}
	}

	return undefined;
};

/** Whether the tests of a file pass as long as nothing is changed: otherwise they judge no mutant. */
export const passesUnchanged = async (file: string): Promise<boolean> => await run([...ava, folderTests(file)], undefined) === 'passed';

const ava = ['node_modules/ava/entrypoints/cli.js', '--no-worker-threads', '--fail-fast'];

const ownTest = (file: string): string => file.replace(/^src/, 'test').replace(/\.ts$/, '.test.ts');

/** A file at the root of `src` has only its own test. */
export const folderTests = (file: string): string => path.dirname(file) === 'src' ? ownTest(file) : `${path.dirname(file).replace(/^src/, 'test')}/*.test.ts`;

const run = async (args: readonly string[], mutant: Mutant | undefined): Promise<'passed' | 'failed' | 'hung'> => new Promise(resolve => {
	const env = mutant && {
		HOSTPORT_MUTANT: JSON.stringify({...mutant, url: pathToFileURL(mutant.file).href}),
		NODE_OPTIONS: `--import=${new URL('mutant-loader.ts', import.meta.url).href}`,
	};
	// A group of its own, so that everything that the tests start ends with them.
	const child = spawn(process.execPath, args, {env: {...process.env, ...env}, stdio: 'ignore', detached: true});
	const end = () => {
		try {
			process.kill(-child.pid!, 'SIGKILL');
		} catch {
			// All of it has ended already.
		}
	};

	let isOver = false;
	const timer = setTimeout(() => {
		isOver = true;
		end();
	}, limitMs);
	process.on('exit', end);
	child.on('close', code => {
		process.off('exit', end);
		clearTimeout(timer);
		end();
		resolve(isOver ? 'hung' : code === 0 ? 'passed' : 'failed');
	});
});
