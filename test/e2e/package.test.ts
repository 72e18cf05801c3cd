/** The npm package: the bundled program, without packages to install beside it. Needs no control plane. */
import {execFile} from 'node:child_process';
import {readdir, readFile, realpath} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import test from 'ava';
import {version} from '../../src/version.ts';
import {temporaryFolder} from '../helpers/temporary-folder.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

test('the package installs alone, and its program runs', async t => {
	const folder = await temporaryFolder(t);
	const {stdout} = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {cwd: root});
	const [packed] = Object.values(JSON.parse(stdout) as Record<string, {filename: string; size: number; files: Array<{path: string}>}>);
	t.deepEqual(packed?.files.map(file => file.path).filter(file => !file.startsWith('dist/')).toSorted(), ['LICENSE', 'README.md', 'package.json']);

	// Offline: a dependency could not be installed.
	await run('npm', ['install', '--offline', '--no-audit', '--no-fund', '--prefix', folder, path.join(folder, packed!.filename)], {cwd: folder});
	const installed = path.join(folder, 'node_modules');
	t.deepEqual((await readdir(installed)).filter(name => !name.startsWith('.')), ['hostport-operator']);
	const env = {PATH: `${path.dirname(await realpath(process.execPath))}:${process.env['PATH']}`};
	t.is((await run(path.join(installed, '.bin', 'hostport-operator'), ['version'], {env})).stdout, `${version}\n`);
	t.log(`${Math.round(packed!.size / 1024)} KiB packed`);
});

test('package.json says what npm shows, and where the package comes from', async t => {
	const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as Record<string, unknown>;
	for (const member of ['description', 'keywords', 'homepage', 'bugs', 'repository', 'license', 'engines', 'publishConfig']) {
		t.truthy(manifest[member], member);
	}

	t.is(manifest['dependencies'], undefined, 'All packages are in the bundle.');
});
