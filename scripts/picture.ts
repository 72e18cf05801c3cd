/**
 * `node scripts/picture.ts [command …]`: runs a command on a terminal, by default the demo, and writes what the terminal shows at
 * its end to docs/demo.svg. Needs `script` and `stty` (util-linux, coreutils).
 */
import {execFile} from 'node:child_process';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {promisify} from 'node:util';
import {renderPicture} from './picture/render-picture.ts';
import {screenOf} from './picture/screen.ts';

const size = {columns: 104, rows: 34};

/** What the command writes to a terminal of this size. @throws if it fails. */
const record = async (command: string): Promise<string> => {
	const folder = await mkdtemp(path.join(os.tmpdir(), 'picture-'));
	try {
		const file = path.join(folder, 'typescript');
		await promisify(execFile)('script', ['--quiet', '--return', '--command', `stty cols ${size.columns} rows ${size.rows}; ${command}`, file], {env: {...process.env, TERM: 'xterm-256color'}});
		return await readFile(file, 'utf8');
	} finally {
		await rm(folder, {recursive: true});
	}
};

const target = new URL('../docs/demo.svg', import.meta.url);
const command = process.argv.slice(2).join(' ') || `'${process.execPath}' scripts/demo.ts`;
await writeFile(target, renderPicture(screenOf(await record(command)), size.columns));
