/** The program runs from the root file system of the image, as an unprivileged user and with no other file, without Docker. */
import {execFile} from 'node:child_process';
import {copyFile, mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {promisify} from 'node:util';
import test from 'ava';
import {createCertificateAuthority} from '../../harness/control-plane/certificates.ts';
import {startProcess} from '../../harness/control-plane/process.ts';
import {startControlPlane} from '../../harness/control-plane/start.ts';
import {createKubeClient} from '../../harness/kube-client.ts';
import {assembleRootfs, entrypoint, userId} from '../../scripts/image-rootfs.ts';
import {version} from '../../src/version.ts';
import {temporaryFolder} from '../helpers/temporary-folder.ts';
import {allowBuild} from './helpers/fixture.ts';

/** Users and groups that the program runs as: the image's own, and one that OpenShift chooses. */
const users = [`${userId}:${userId}`, '1000680000:0'];

/** The command that runs the image's entrypoint in a folder. A user other than root needs a user namespace for chroot. */
const inRootfs = (user: string, folder: string, ...args: readonly string[]): [string, string[]] => {
	const chroot = process.getuid?.() === 0 ? ['chroot', `--userspec=${user}`] : ['unshare', '--map-root-user', 'chroot'];
	const [command = '', ...rest] = [...chroot, folder, ...entrypoint, ...args];
	return [command, rest];
};

/** Without the variables of this machine. */
const env = {PATH: process.env['PATH']};

test('the program starts from the files of the image, serves and stops', async t => {
	allowBuild(t);
	const folder = await temporaryFolder(t);
	const rootfs = path.join(folder, 'rootfs');
	await assembleRootfs(rootfs);
	const {stdout: size} = await promisify(execFile)('du', ['--summarize', '--block-size=MiB', rootfs]);
	t.log(`${size.split('\t')[0]} on disk`);

	for (const user of users) {
		const {stdout} = await promisify(execFile)(...inRootfs(user, rootfs, 'version'), {env});
		t.is(stdout, `${version}\n`);
	}

	await using controlPlane = await startControlPlane({workloads: false, onProgress: line => t.log(line)});
	await using client = await createKubeClient(controlPlane.kubeconfigPath);
	await client.request('POST', '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name: 'operators'}});
	const authority = await createCertificateAuthority();
	const {certificatePem, keyPem} = await authority.issue({commonName: 'hostport-operator', hosts: ['127.0.0.1'], usage: 'server'});
	// In place of a Pod's volumes.
	await mkdir(path.join(rootfs, 'mounted'));
	await copyFile(controlPlane.kubeconfigPath, path.join(rootfs, 'mounted', 'kubeconfig'));
	await writeFile(path.join(rootfs, 'mounted', 'tls.crt'), certificatePem);
	await writeFile(path.join(rootfs, 'mounted', 'tls.key'), keyPem);
	await promisify(execFile)('chmod', ['--recursive', 'a+rX', folder]);

	for (const [index, user] of users.entries()) {
		const ready = Promise.withResolvers<{readonly healthPort: number}>();
		const [command, args] = inRootfs(user, rootfs, 'serve', '--kubeconfig', '/mounted/kubeconfig', '--tls-cert-file', '/mounted/tls.crt', '--tls-private-key-file', '/mounted/tls.key',
			'--bind-address', '127.0.0.1', '--webhook-port', '0', '--health-port', '0', '--metrics-port', '0', '--shutdown-delay', '0s');
		const operator = await startProcess({
			name: 'hostport-operator',
			command,
			args,
			env,
			logFile: path.join(folder, `log-${index}`),
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
	}
});
