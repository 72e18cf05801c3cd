/** A user who asks what a program does gets an answer, and exit code 0. */
import {execFile} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import test from 'ava';
import {version} from '../../src/version.ts';

const run = async (file: string, ...args: readonly string[]): Promise<{status: number; stdout: string; stderr: string}> => {
	try {
		const output = await promisify(execFile)(process.execPath, [fileURLToPath(new URL(`../../${file}`, import.meta.url)), ...args], {env: {PATH: process.env['PATH']}});
		return {status: 0, ...output};
	} catch (error) {
		const {code, stdout, stderr} = error as {code: number; stdout: string; stderr: string};
		return {status: code, stdout, stderr};
	}
};

for (const file of ['src/main.ts', 'scripts/demo.ts', 'scripts/control-plane.ts', 'scripts/churn.ts']) {
	test(`${file} --help exits 0 and starts nothing`, async t => {
		const {status, stdout, stderr} = await run(file, '--help');
		t.is(status, 0, stderr);
		t.regex(stdout, /help/);
	});
}

test('the operator without a command prints its help, and --version its version', async t => {
	const {status, stdout} = await run('src/main.ts');
	t.is(status, 0);
	t.regex(stdout, /^Host ports for annotated Pods/);
	t.deepEqual(await run('src/main.ts', '--version'), {status: 0, stdout: `${version}\n`, stderr: ''});
});

test('--use-cluster without a cluster exits 2 and says what is missing', async t => {
	const {status, stderr} = await run('scripts/demo.ts', '--use-cluster');
	t.is(status, 2);
	t.regex(stderr, /KUBECONFIG.*is not set/);
});
