/** The lists of packages that come with the bundle: the SBOM and the licence file. */
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {build} from '../../scripts/build.ts';
import {temporaryFolder} from '../helpers/temporary-folder.ts';

/** Licences that allow redistribution with code under another licence. */
const allowedLicenses = new Set(['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Apache-2.0']);

const inOrder = (lines: readonly string[]): string[] => lines.toSorted((a, b) => a.localeCompare(b));

type Component = {readonly group?: string; readonly name: string; readonly version: string; readonly purl: string; readonly licenses: ReadonlyArray<{readonly license?: {readonly id: string}}>};

test('SBOM and licence file list the same packages, with allowed licences only', async t => {
	const dist = path.dirname(await build({directory: path.join(await temporaryFolder(t), 'dist')}));
	const {bomFormat, components} = JSON.parse(await readFile(path.join(dist, 'sbom.cdx.json'), 'utf8')) as {bomFormat: string; components: Component[]};
	t.is(bomFormat, 'CycloneDX');
	const named = components.map(({group, name, version, licenses}) => `${group ? `${group}/` : ''}${name} ${version} (${licenses.map(({license}) => license?.id).join()})`);
	const texts = await readFile(path.join(dist, 'third-party-licenses.txt'), 'utf8');
	const listed = texts.split(`${'-'.repeat(80)}\n\n`).map(text => text.split('\n', 1).join());

	t.true(named.some(line => line.startsWith('koa ')), 'It lists what is in the bundle.');
	t.deepEqual(named.filter(line => /^(?:undici|jsonpath-plus) /.test(line)), [], 'It does not list what the bundle leaves out.');
	t.deepEqual(inOrder(listed), inOrder(named));
	t.deepEqual(components.filter(({licenses}) => licenses.length !== 1 || !allowedLicenses.has(licenses[0]?.license?.id ?? '')), []);
	t.true(components.every(({purl}) => purl.startsWith('pkg:npm/')));
	// The client library's entry point has hundreds of generated classes, none of which is used.
	t.false((await readFile(path.join(dist, 'hostport-operator.js'), 'utf8')).includes('createNamespacedPod'));
});
