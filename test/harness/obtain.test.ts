import {execFile} from 'node:child_process';
import {createHash} from 'node:crypto';
import {once} from 'node:events';
import {readFile} from 'node:fs/promises';
import {createServer} from 'node:http';
import type {Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import path from 'node:path';
import {promisify} from 'node:util';
import test, {type ExecutionContext} from 'ava';
import {binarySources, helmVersion, kubernetesVersion, kwokVersion} from '../../harness/control-plane/binaries.ts';
import {cachedPath, cacheFolder} from '../../harness/control-plane/cache.ts';
import {MissingBinariesError, namedKubeconfig, obtainBinaries} from '../../harness/control-plane/obtain.ts';
import {temporaryFolder, writeExecutable} from '../helpers/temporary-folder.ts';

// The loopback server must be reached without a proxy.
process.env['NO_PROXY'] = '127.0.0.1';

const [major, minor] = kubernetesVersion.split('.');

/** In place of Go: notes how it was called, and makes a file for each package, with the name that Go would give it. */
const fakeGo = (note: string) => `
[ "$1" = list ] && exit 0
echo "$PWD $*" >> '${note}'
while [ "$1" != -o ]; do shift; done
folder=$2
shift 2
for package; do
	name=\${package##*/}
	[ "$name" = v3 ] && name=server
	echo built > "$folder/$name"
	/bin/chmod +x "$folder/$name"
done`;

/** A machine with an empty cache, without Go and internet. Each test adds what it needs. */
const emptyMachine = async (t: ExecutionContext) => {
	const folder = await temporaryFolder(t);
	const env = {XDG_CACHE_HOME: path.join(folder, 'cache'), PATH: path.join(folder, 'bin')};
	const progress: string[] = [];
	const unreachable = createServer().listen(0, '127.0.0.1');
	await once(unreachable, 'listening');
	const {port} = unreachable.address() as AddressInfo;
	unreachable.close();
	return {
		folder,
		env,
		progress,
		goNote: path.join(folder, 'go.txt'),
		options: {env, indexUrl: `http://127.0.0.1:${port}/index.yaml`, sites: {kubernetes: `http://127.0.0.1:${port}/release`, kwok: `http://127.0.0.1:${port}/kwok`}, onProgress: (line: string) => void progress.push(line)},
	};
};

const installGo = async ({env, goNote}: {readonly env: {readonly PATH: string}; readonly goNote: string}) =>
	writeExecutable(path.join(env.PATH, 'go'), fakeGo(goNote));

/** Lets the server listen until the test ends. Resolves with its URL. */
const listen = async (t: ExecutionContext, server: Server): Promise<string> => {
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.teardown(() => {
		server.closeAllConnections();
		server.close();
	});
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

/** Serves an index with one archive, and the archive. */
const serveEnvtest = async (t: ExecutionContext, {version = kubernetesVersion, hash}: {version?: string; hash?: string} = {}) => {
	const folder = await temporaryFolder(t);
	for (const name of ['etcd', 'kube-apiserver', 'kubectl']) {
		await writeExecutable(path.join(folder, 'controller-tools', 'envtest', name), 'echo downloaded');
	}

	await promisify(execFile)('tar', ['-czf', 'envtest.tar.gz', 'controller-tools'], {cwd: folder});
	const archive = await readFile(path.join(folder, 'envtest.tar.gz'));
	const platform = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
	const server = createServer((request, response) => {
		response.end(request.url === '/archive.tar.gz' ? archive : JSON.stringify({releases: {
			'v1.2.3': {},
			[version]: {
				[`envtest-${version}-${platform}.tar.gz`]: {
					hash: hash ?? createHash('sha512').update(archive).digest('hex'),
					selfLink: `${origin}/archive.tar.gz`,
				},
			},
		}}));
	});
	const origin = await listen(t, server);
	return `${origin}/index.yaml`;
};

test('a cluster is used instead only if KUBECONFIG names one', t => {
	t.is(namedKubeconfig({KUBECONFIG: '/etc/cluster'}), '/etc/cluster');
	t.is(namedKubeconfig({KUBECONFIG: ''}), undefined);
	t.is(namedKubeconfig({}), undefined);
});

test('KUBEBUILDER_ASSETS comes before the cache', async t => {
	const {folder, env, options, progress} = await emptyMachine(t);
	const assets = path.join(folder, 'assets');
	const cache = cacheFolder(env);
	const etcd = await writeExecutable(path.join(assets, 'etcd'));
	await writeExecutable(cachedPath(cache, 'etcd'));
	const apiServer = await writeExecutable(cachedPath(cache, 'kube-apiserver'));

	const found = await obtainBinaries(['etcd', 'kube-apiserver'], {...options, env: {...env, KUBEBUILDER_ASSETS: assets}});

	t.deepEqual(found, {etcd, 'kube-apiserver': apiServer});
	t.deepEqual(progress, []);
});

test('kubectl and helm are taken from the PATH, other programs are not', async t => {
	const {env, options} = await emptyMachine(t);
	const kubectl = await writeExecutable(path.join(env.PATH, 'kubectl'));
	const helm = await writeExecutable(path.join(env.PATH, 'helm'));
	await writeExecutable(path.join(env.PATH, 'etcd'));

	t.deepEqual(await obtainBinaries(['kubectl', 'helm'], options), {kubectl, helm});
	await t.throwsAsync(obtainBinaries(['etcd'], options), {instanceOf: MissingBinariesError});
});

test('the envtest archive is downloaded, and nothing is built if it has everything', async t => {
	const {env, options, progress} = await emptyMachine(t);
	const indexUrl = await serveEnvtest(t);

	const {etcd} = await obtainBinaries(['etcd', 'kube-apiserver'], {...options, indexUrl});

	t.is(etcd, cachedPath(cacheFolder(env), 'etcd'));
	t.true((await readFile(etcd, 'utf8')).includes('downloaded'));
	t.is(progress.length, 1);
	await t.notThrowsAsync(obtainBinaries(['etcd', 'kube-apiserver'], options), 'The second time the cache has them.');
});

test('only programs that the archive lacks are built', async t => {
	const machine = await emptyMachine(t);
	await installGo(machine);
	const indexUrl = await serveEnvtest(t);

	const found = await obtainBinaries(['etcd', 'kube-scheduler', 'kwok'], {...machine.options, indexUrl});

	t.true((await readFile(found.etcd, 'utf8')).includes('downloaded'));
	t.is(await readFile(found['kube-scheduler'], 'utf8'), 'built\n');
	t.is(await readFile(found.kwok, 'utf8'), 'built\n');
	const calls = (await readFile(machine.goNote, 'utf8')).trim().split('\n');
	t.is(calls.length, 1, 'Both in one build, so that packages are compiled once.');
	t.regex(calls[0] ?? '', /build\/kubernetes build .*k8s\.io\/kubernetes\/cmd\/kube-scheduler sigs\.k8s\.io\/kwok\/cmd\/kwok$/);
});

/** Serves the programs of Kubernetes with checksum files, and kwok as GitHub does. */
const serveReleases = async (t: ExecutionContext, checksumOf = (program: Buffer) => createHash('sha256').update(program).digest('hex')) => {
	const program = Buffer.from('#!/bin/sh\necho released\n');
	const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
	const server = createServer((request, response) => {
		const url = request.url ?? '';
		if (url.endsWith(`/kwok/tags/${kwokVersion}`)) {
			const asset = {name: `kwok-${process.platform}-${architecture}`, browser_download_url: `${origin}/kwok-program`, digest: `sha256:${checksumOf(program)}`};
			response.end(JSON.stringify({assets: [{name: 'kwokctl', digest: null}, asset]}));
		} else if (url.endsWith('.sha256')) {
			response.end(`${checksumOf(program)}\n`);
		} else {
			response.writeHead(url.startsWith(`/release/${kubernetesVersion}/bin/${process.platform}/${architecture}/`) || url === '/kwok-program' ? 200 : 404).end(program);
		}
	});
	const origin = await listen(t, server);
	return {kubernetes: `${origin}/release`, kwok: `${origin}/kwok`};
};

test('a whole control plane is downloaded, and nothing is built', async t => {
	const {options} = await emptyMachine(t);
	const [indexUrl, sites] = await Promise.all([serveEnvtest(t), serveReleases(t)]);

	const found = await obtainBinaries(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok'], {...options, indexUrl, sites, mayBuild: false});

	t.true((await readFile(found.etcd, 'utf8')).includes('downloaded'));
	for (const name of ['kube-controller-manager', 'kube-scheduler', 'kwok'] as const) {
		t.true((await readFile(found[name], 'utf8')).includes('released'), name);
	}
});

test('what the archive should have had comes from the releases', async t => {
	const {options} = await emptyMachine(t);
	const found = await obtainBinaries(['kube-apiserver'], {...options, sites: await serveReleases(t)});
	t.true((await readFile(found['kube-apiserver'], 'utf8')).includes('released'));
});

test('a release with the wrong checksum is refused', async t => {
	const {options, env, progress} = await emptyMachine(t);
	const sites = await serveReleases(t, () => 'f'.repeat(64));
	await t.throwsAsync(obtainBinaries(['kube-scheduler', 'kwok'], {...options, sites}), {instanceOf: MissingBinariesError});
	t.true(progress.some(line => line.includes('The SHA-256 of')));
	await t.throwsAsync(readFile(cachedPath(cacheFolder(env), 'kube-scheduler')), {code: 'ENOENT'});
});

test('without permission to build, what can\'t be downloaded is missing', async t => {
	const machine = await emptyMachine(t);
	await installGo(machine);
	const error = await t.throwsAsync(obtainBinaries(['etcd', 'kwok'], {...machine.options, mayBuild: false}), {instanceOf: MissingBinariesError});
	t.true(error.message.includes('etcd and kwok'));
	await t.throwsAsync(readFile(machine.goNote), {code: 'ENOENT'});
});

test('without an archive for the exact version, another patch release is taken', async t => {
	const {options, progress} = await emptyMachine(t);
	const version = `${major}.${minor}.0`;
	await obtainBinaries(['etcd'], {...options, indexUrl: await serveEnvtest(t, {version})});
	t.true(progress[0]?.includes(version));
});

for (const version of [`${major}.1.0`, `${major}.${minor}.0-rc.1`]) {
	test(`an archive of ${version} is not taken`, async t => {
		const {options, progress} = await emptyMachine(t);
		const indexUrl = await serveEnvtest(t, {version});
		await t.throwsAsync(obtainBinaries(['etcd'], {...options, indexUrl}), {instanceOf: MissingBinariesError});
		t.true(progress[0]?.includes('has no archive for Kubernetes'));
	});
}

test('an archive with the wrong checksum is refused, and the program is built', async t => {
	const machine = await emptyMachine(t);
	await installGo(machine);
	const indexUrl = await serveEnvtest(t, {hash: 'f'.repeat(128)});

	const {etcd} = await obtainBinaries(['etcd'], {...machine.options, indexUrl});

	t.is(await readFile(etcd, 'utf8'), 'built\n');
	t.true(machine.progress.some(line => line.includes('The SHA-512 of')));
});

test('if no site can be reached, a line says so for each and the programs are built', async t => {
	const machine = await emptyMachine(t);
	await installGo(machine);

	const {etcd} = await obtainBinaries(['etcd', 'kube-apiserver'], machine.options);

	t.is(await readFile(etcd, 'utf8'), 'built\n');
	t.is(machine.progress.length, 3);
	t.regex(machine.progress[0] ?? '', /^The envtest archive can't be downloaded: .*ECONNREFUSED/);
	t.regex(machine.progress[1] ?? '', /^kube-apiserver can't be downloaded: .*ECONNREFUSED/);
	t.regex(machine.progress[2] ?? '', /^Building etcd and kube-apiserver .* about 9 minutes .* kept in /);
});

test('two callers at once build once', async t => {
	const machine = await emptyMachine(t);
	await installGo(machine);
	await Promise.all([obtainBinaries(['kwok'], machine.options), obtainBinaries(['kwok'], machine.options)]);
	t.is((await readFile(machine.goNote, 'utf8')).trim().split('\n').length, 1);
});

test('with neither a download nor Go, the message says what to provide', async t => {
	const {options} = await emptyMachine(t);
	const error = await t.throwsAsync(obtainBinaries(['etcd', 'kwok'], options), {instanceOf: MissingBinariesError});
	for (const part of ['etcd and kwok', 'Go is not on the PATH', 'KUBEBUILDER_ASSETS', 'dl.k8s.io']) {
		t.true(error.message.includes(part), part);
	}
});

test('a failed build says why and leaves no file in the cache', async t => {
	const {env, options} = await emptyMachine(t);
	await writeExecutable(path.join(env.PATH, 'go'), '[ "$1" = list ] && exit; while [ "$1" != -o ]; do shift; done; echo half > "$2/kwok"; echo no such module >&2; exit 1');
	await t.throwsAsync(obtainBinaries(['kwok'], options), {instanceOf: MissingBinariesError, message: /no such module/});
	await t.throwsAsync(readFile(cachedPath(cacheFolder(env), 'kwok')), {code: 'ENOENT'});
});

test('the versions agree with the Go modules', async t => {
	const modules = new URL('../../harness/control-plane/build/', import.meta.url);
	const goMod = {
		kubernetes: await readFile(new URL('kubernetes/go.mod', modules), 'utf8'),
		helm: await readFile(new URL('helm/go.mod', modules), 'utf8'),
	};
	t.true(goMod.kubernetes.includes(`\tk8s.io/kubernetes ${kubernetesVersion} `));
	t.true(goMod.kubernetes.includes(`\tsigs.k8s.io/kwok ${kwokVersion} `));
	t.true(goMod.helm.includes(`\thelm.sh/helm/v4 ${helmVersion} `));
	for (const {module, goPackage} of Object.values(binarySources)) {
		t.true(goMod[module].split(/\s/).includes(goPackage), goPackage);
	}
});
