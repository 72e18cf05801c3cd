import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {createInterface} from 'node:readline';
import test, {type ExecutionContext} from 'ava';
import {ProcessCrashError, runProcess, startProcess, type ProcessOptions} from '../../harness/control-plane/process.ts';
import {until} from '../../harness/control-plane/until.ts';
import {temporaryFolder} from '../helpers/temporary-folder.ts';

const startShell = async (t: ExecutionContext, script: string, options: Partial<ProcessOptions> = {}) => {
	const logFile = path.join(await temporaryFolder(t), 'log');
	const running = await startProcess({name: 'the shell', command: '/bin/sh', args: ['-c', script], logFile, ...options});
	t.teardown(async () => running.stop(0));
	return running;
};

const isAlive = (pid: number): boolean => {
	try {
		return process.kill(pid, 0);
	} catch {
		return false;
	}
};

const untilGone = async (pid: number) =>
	until(async () => !isAlive(pid), {what: `the end of process ${pid}`, budgetMs: 30_000});

test('stop ends the process with SIGTERM', async t => {
	const running = await startShell(t, 'exec sleep 1000');
	t.true(isAlive(running.pid));
	t.deepEqual(await running.stop(), {code: null, signal: 'SIGTERM'});
	t.false(isAlive(running.pid));
	t.false(running.kill('SIGTERM'));
	t.deepEqual(await running.stop(), {code: null, signal: 'SIGTERM'}, 'It may be stopped again.');
});

test('stop ends a process that ignores SIGTERM with SIGKILL', async t => {
	const ready = Promise.withResolvers<string>();
	const running = await startShell(t, 'trap "" TERM; echo ready; while :; do sleep 0.1; done', {onLine: ready.resolve});
	await ready.promise;
	t.deepEqual(await running.stop(100), {code: null, signal: 'SIGKILL'});
});

test('stop ends a paused process', async t => {
	const running = await startShell(t, 'exec sleep 1000');
	running.kill('SIGSTOP');
	t.deepEqual(await running.stop(), {code: null, signal: 'SIGTERM'});
});

test('stop ends the process\' children too', async t => {
	const child = Promise.withResolvers<string>();
	const running = await startShell(t, 'sleep 1000 & echo $!; wait', {onLine: child.resolve});
	const pid = Number(await child.promise);
	await running.stop();
	await t.notThrowsAsync(untilGone(pid));
});

test('a crash is reported with the last lines of the log', async t => {
	const exits: unknown[] = [];
	const running = await startShell(t, 'seq 100; echo "cannot bind" >&2; exit 3', {onExit: exit => exits.push(exit)});
	const error = await t.throwsAsync(running.crashed, {instanceOf: ProcessCrashError});
	t.true(error.message.startsWith('the shell ended with exit code 3.'));
	t.true(error.message.endsWith('\n100\ncannot bind'));
	t.false(error.message.includes('\n50\n'), 'Only the end of the log.');
	t.deepEqual(exits, [{code: 3, signal: null}]);
});

test('a crash that no caller waits for is no unhandled rejection', async t => {
	const running = await startShell(t, 'exit 1');
	t.deepEqual(await running.exited, {code: 1, signal: null});
});

test('lines of standard output reach the callback and the log', async t => {
	const lines: string[] = [];
	const running = await startShell(t, 'echo one; echo two; echo three >&2', {onLine: line => lines.push(line)});
	await running.exited;
	t.deepEqual(lines, ['one', 'two']);
	t.deepEqual((await readFile(running.logFile, 'utf8')).trim().split('\n').toSorted(), ['one', 'three', 'two']);
});

test('the process gets the given environment and folder', async t => {
	const cwd = await temporaryFolder(t);
	const running = await startShell(t, 'pwd; echo "$A"', {cwd, env: {A: 'b'}});
	await running.exited;
	t.is(await readFile(running.logFile, 'utf8'), `${cwd}\nb\n`);
});

test('a program that does not exist is an error', async t => {
	const logFile = path.join(await temporaryFolder(t), 'log');
	await t.throwsAsync(startProcess({name: 'nothing', command: '/does/not/exist', logFile}), {code: 'ENOENT'});
});

test('runProcess fails with the exit code, and ends the program when it is aborted', async t => {
	const logFile = path.join(await temporaryFolder(t), 'log');
	const shell = (script: string) => ({name: 'the shell', command: '/bin/sh', args: ['-c', script], logFile});
	await t.notThrowsAsync(runProcess(shell('exit 0')));
	await t.throwsAsync(runProcess(shell('exit 2')), {instanceOf: ProcessCrashError});
	const controller = new AbortController();
	const run = runProcess(shell('exec sleep 1000'), controller.signal);
	controller.abort(new Error('no longer wanted'));
	await t.throwsAsync(run, {message: 'no longer wanted'});
});

/** Ways for a parent to end. In each its child must end and its folder be removed. */
const endings = {
	'throws': 'throw new Error("deliberate");',
	'rejects': 'await Promise.reject(new Error("deliberate"));',
	'exits': 'process.exit(0);',
	'is killed with -9': 'process.kill(process.pid, "SIGKILL");',
	'is ended by SIGTERM': 'process.kill(process.pid, "SIGTERM");',
	'is ended by SIGHUP': 'process.kill(process.pid, "SIGHUP");',
};

const moduleUrl = (name: string) => JSON.stringify(new URL(`../../harness/control-plane/${name}`, import.meta.url));

for (const [how, code] of Object.entries(endings)) {
	test(`a child does not outlive a parent that ${how}`, async t => {
		const folder = await temporaryFolder(t);
		const doomed = path.join(folder, 'doomed folder');
		const program = path.join(folder, 'parent.mts');
		await writeFile(program, `
			import {mkdirSync} from 'node:fs';
			import {startProcess} from ${moduleUrl('process.ts')};
			import {removeWithThisProcess} from ${moduleUrl('reaper.ts')};
			mkdirSync(${JSON.stringify(doomed)});
			removeWithThisProcess(${JSON.stringify(doomed)});
			const running = await startProcess({name: 'child', command: 'sleep', args: ['1000'], logFile: ${JSON.stringify(path.join(folder, 'log'))}});
			process.stdout.write(running.pid + '\\n', () => {});
			process.stdin.once('data', async () => { ${code} });
		`);
		const parent = spawn(process.execPath, [program], {stdio: ['pipe', 'pipe', 'ignore']});
		const [line] = await once(createInterface({input: parent.stdout}), 'line') as [string];
		t.true(isAlive(Number(line)));

		parent.stdin.write('go\n');
		await once(parent, 'exit');

		await t.notThrowsAsync(untilGone(Number(line)));
		await until(async () => readFile(doomed).then(() => false, (error: NodeJS.ErrnoException) => error.code === 'ENOENT'), {what: 'the folder to be gone', budgetMs: 30_000});
	});
}
