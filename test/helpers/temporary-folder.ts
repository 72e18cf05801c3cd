/** Folders and files for one test. */
import {chmod, mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import type {ExecutionContext} from 'ava';

/** A new folder, removed at the end of the test. */
export const temporaryFolder = async (t: ExecutionContext): Promise<string> => {
	const folder = await mkdtemp(path.join(tmpdir(), 'hostport-test-'));
	t.teardown(async () => rm(folder, {recursive: true, force: true}));
	return folder;
};

/** Writes a shell script that can be run, and returns its path. */
export const writeExecutable = async (file: string, script = ''): Promise<string> => {
	await mkdir(path.dirname(file), {recursive: true});
	await writeFile(file, `#!/bin/sh\n${script}\n`);
	await chmod(file, 0o755);
	return file;
};
