/** Runs the logger in a child process, because it writes to standard output. */
import {execFile} from 'node:child_process';
import process from 'node:process';
import {promisify} from 'node:util';
import test from 'ava';
import type {LogOptions} from '../src/logger.ts';
import {version} from '../src/version.ts';

const logged = async (options: Partial<LogOptions>): Promise<string> => {
	const program = `
		import {createLogger} from ${JSON.stringify(new URL('../src/logger.ts', import.meta.url))};
		const logger = await createLogger(${JSON.stringify({level: 'info', format: 'auto', identity: 'replica-1_0af3', ...options})});
		logger.debug('too detailed');
		logger.warn({err: new Error('no answer'), port: 30558}, 'trying again\\nlater');
		process.exit();
	`;
	const {stdout} = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
	return stdout;
};

for (const format of ['auto', 'json'] as const) {
	test(`without a terminal, ${format} writes one line of JSON for each message`, async t => {
		const lines = (await logged({format})).trimEnd().split('\n');
		t.is(lines.length, 1);
		const {time, err, ...line} = JSON.parse(lines[0] ?? '') as {time: string; err: {message: string}; [member: string]: unknown};
		t.deepEqual(line, {level: 'warn', identity: 'replica-1_0af3', version, port: 30_558, msg: 'trying again\nlater'});
		t.regex(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
		t.is(err.message, 'no answer');
	});
}

test('pretty writes readable lines without identity and version', async t => {
	const text = await logged({format: 'pretty'});
	t.regex(text, /WARN.*: trying again/);
	t.true(text.includes('no answer'));
	t.false(text.includes('replica-1_0af3') || text.includes(version), 'At a terminal there is one process.');
});

test('messages below the level are not logged', async t => {
	t.true((await logged({level: 'debug'})).includes('too detailed'));
	t.is(await logged({level: 'error'}), '');
});
