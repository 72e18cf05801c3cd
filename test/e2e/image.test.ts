/** The root file system of the image, without Docker: the program runs from it, as nobody, with nothing else there. */
import {execFile} from 'node:child_process';
import {copyFile, mkdir, readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {promisify} from 'node:util';
import test from 'ava';
import {bundlePath} from '../../scripts/build.ts';
import {createCertificateAuthority} from '../../harness/control-plane/certificates.ts';
import {startProcess} from '../../harness/control-plane/process.ts';
import {startControlPlane} from '../../harness/control-plane/start.ts';
import {createKubeClient} from '../../harness/kube-client.ts';
import {assembleRootfs, entrypoint, userId} from '../../scripts/image-rootfs.ts';
import {version} from '../../src/version.ts';
import {temporaryFolder} from '../harness/temporary-folder.ts';

/** The command that runs the image's entrypoint in a folder. Whoever is not root is it in a namespace of his own. */
const inRootfs = (folder: string, ...args: readonly string[]): [string, string[]] => {
	const chroot = process.getuid?.() === 0 ? ['chroot', `--userspec=${userId}:${userId}`] : ['unshare', '--map-root-user', 'chroot'];
	const [command = '', ...rest] = [...chroot, folder, ...entrypoint, ...args];
	return [command, rest];
};

/** No variable of this machine's means anything there. */
const env = {PATH: process.env['PATH']};

test('the program starts from the files of the image, serves, and stops', async t => {
	t.timeout(20 * 60_000, 'the control plane takes long the first time, when it is built');
	const folder = await temporaryFolder(t);
	const rootfs = path.join(folder, 'rootfs');
	await assembleRootfs(rootfs);
	const {stdout: size} = await promisify(execFile)('du', ['--summarize', '--block-size=MiB', rootfs]);
	t.log(`${size.split('\t')[0]} on disk`);

	const {stdout} = await promisify(execFile)(...inRootfs(rootfs, 'version'), {env});
	t.is(stdout, `${version}\n`);

	await using controlPlane = await startControlPlane({workloads: false, onProgress: line => t.log(line)});
	await using client = await createKubeClient(controlPlane.kubeconfigPath);
	await client.request('POST', '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name: 'operators'}});
	const authority = await createCertificateAuthority();
	const {certificatePem, keyPem} = await authority.issue({commonName: 'hostport-operator', hosts: ['127.0.0.1'], usage: 'server'});
	// What a Pod has as volumes.
	await mkdir(path.join(rootfs, 'mounted'));
	await copyFile(controlPlane.kubeconfigPath, path.join(rootfs, 'mounted', 'kubeconfig'));
	await writeFile(path.join(rootfs, 'mounted', 'tls.crt'), certificatePem);
	await writeFile(path.join(rootfs, 'mounted', 'tls.key'), keyPem);
	await promisify(execFile)('chmod', ['--recursive', 'a+rX', folder]);

	const ready = Promise.withResolvers<{readonly healthPort: number}>();
	const [command, args] = inRootfs(rootfs, 'serve', '--kubeconfig', '/mounted/kubeconfig', '--tls-cert-file', '/mounted/tls.crt', '--tls-private-key-file', '/mounted/tls.key',
		'--bind-address', '127.0.0.1', '--webhook-port', '0', '--health-port', '0', '--metrics-port', '0', '--shutdown-delay', '0s');
	const operator = await startProcess({
		name: 'hostport-operator',
		command,
		args,
		env,
		logFile: path.join(folder, 'log'),
		onLine(line) {
			const message = JSON.parse(line) as {readonly msg: string; readonly healthPort: number};
			if (message.msg === 'ready') {
				ready.resolve(message);
			}
		},
	});
	try {
		const {healthPort} = await Promise.race([ready.promise, operator.crashed]);
		t.is((await fetch(`http://127.0.0.1:${healthPort}/readyz`)).status, 200);
	} finally {
		t.deepEqual(await operator.stop(), {code: 0, signal: null});
	}
});

/** Those that let their code be handed on with ours, under whatever terms. */
const allowedLicenses = new Set(['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Apache-2.0']);

const inOrder = (lines: readonly string[]): string[] => lines.toSorted((a, b) => a.localeCompare(b));

type Component = {readonly group?: string; readonly name: string; readonly version: string; readonly purl: string; readonly licenses: ReadonlyArray<{readonly license?: {readonly id: string}}>};

test('the SBOM lists the packages whose licences are listed, and each of these is allowed', async t => {
	const dist = path.dirname(bundlePath);
	const {bomFormat, components} = JSON.parse(await readFile(path.join(dist, 'sbom.cdx.json'), 'utf8')) as {bomFormat: string; components: Component[]};
	t.is(bomFormat, 'CycloneDX');
	const named = components.map(({group, name, version, licenses}) => `${group ? `${group}/` : ''}${name} ${version} (${licenses.map(({license}) => license?.id).join()})`);
	const texts = await readFile(path.join(dist, 'third-party-licenses.txt'), 'utf8');
	const listed = texts.split(`${'-'.repeat(80)}\n\n`).map(text => text.split('\n', 1).join());

	t.true(named.some(line => line.startsWith('koa ')), 'It is about what is in the bundle.');
	t.false(named.some(line => line.startsWith('undici ')), 'And not about what the bundle leaves out.');
	t.deepEqual(inOrder(listed), inOrder(named));
	t.deepEqual(components.filter(({licenses}) => licenses.length !== 1 || !allowedLicenses.has(licenses[0]?.license?.id ?? '')), []);
	t.true(components.every(({purl}) => purl.startsWith('pkg:npm/')));
});
