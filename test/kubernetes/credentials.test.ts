import {mkdir, rm, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {ConfigurationError} from '../../src/errors.ts';
import {connect} from '../../src/kubernetes/credentials.ts';
import {HttpApiClient} from '../../src/kubernetes/http-api-client.ts';
import {newSet} from '../helpers/certificates.ts';
import {startHttpsServer} from '../helpers/https-server.ts';
import {never} from '../helpers/no-ops.ts';
import {temporaryFolder} from '../helpers/temporary-folder.ts';

type Cluster = {readonly server: string; readonly 'certificate-authority-data'?: string; readonly 'proxy-url'?: string; readonly 'insecure-skip-tls-verify'?: boolean; readonly 'tls-server-name'?: string};

/** Writes a kubeconfig and returns its path. YAML contains JSON. */
const writeKubeconfig = async (t: ExecutionContext, cluster: Cluster, user: object = {}, currentContext = 'one'): Promise<string> => {
	const file = path.join(await temporaryFolder(t), 'kubeconfig');
	await writeFile(file, JSON.stringify({
		apiVersion: 'v1', kind: 'Config', 'current-context': currentContext,
		clusters: [{name: 'one', cluster}],
		users: [{name: 'one', user}],
		contexts: [{name: 'one', context: {cluster: 'one', user: 'one'}}],
	}));
	return file;
};

const base64 = (text: string) => Buffer.from(text).toString('base64');

const setUp = async (t: ExecutionContext, user: object, change: Partial<Cluster> = {}) => {
	const {port, ca, requests} = await startHttpsServer(t, response => response.end('{}'));
	const monotonic = {now: 0};
	const kubeconfig = await writeKubeconfig(t, {server: `https://127.0.0.1:${port}/`, 'certificate-authority-data': base64(ca), ...change}, user);
	const connection = await connect(kubeconfig, () => monotonic.now);
	t.teardown(() => connection.agent.destroy());
	const api = new HttpApiClient(connection);
	return {port, connection, requests, monotonic, get: async () => api.get('/version', {signal: never})};
};

test('a kubeconfig with a token gives a connection that the server accepts', async t => {
	const {connection, requests, get, port} = await setUp(t, {token: 'secret'});
	t.is(connection.server, `https://127.0.0.1:${port}`, 'Without the slash at the end.');
	await get();
	t.deepEqual(requests.map(({url, headers}) => [url, headers.authorization]), [['/version', 'Bearer secret']]);
});

test('a kubeconfig with user name and password authenticates by them', async t => {
	const {requests, get} = await setUp(t, {username: 'a', password: 'b'});
	await get();
	t.is(requests[0]?.headers.authorization, `Basic ${base64('a:b')}`);
});

test('a server whose certificate another authority signed is refused, unless the kubeconfig says otherwise', async t => {
	const {signer} = await newSet();
	const {get} = await setUp(t, {token: 'secret'}, {'certificate-authority-data': base64(signer.pem)});
	await t.throwsAsync(get(), {message: /certificate/});
	const insecure = await setUp(t, {token: 'secret'}, {'certificate-authority-data': base64(signer.pem), 'insecure-skip-tls-verify': true});
	await t.notThrowsAsync(insecure.get());
});

test('the server\'s certificate must have the name that the kubeconfig gives', async t => {
	const {get} = await setUp(t, {token: 'secret'}, {'tls-server-name': 'kubernetes.default'});
	await t.throwsAsync(get(), {code: 'ERR_TLS_CERT_ALTNAME_INVALID'});
});

/** Connects with these environment variables, which are read before the first wait. */
const connectWith = async (variables: Readonly<Record<string, string>>, root: string) => {
	const before = {...process.env};
	Object.assign(process.env, variables);
	const connecting = connect(undefined, () => 0, root);
	process.env = before;
	return connecting;
};

test('a Pod uses its service account, also if $KUBECONFIG is set; without a token it uses that', async t => {
	const {port, ca, requests} = await startHttpsServer(t, response => response.end('{}'));
	const root = await temporaryFolder(t);
	const folder = path.join(root, 'var/run/secrets/kubernetes.io/serviceaccount');
	await mkdir(folder, {recursive: true});
	await writeFile(path.join(folder, 'ca.crt'), ca);
	const variables = {
		KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(port),
		KUBECONFIG: await writeKubeconfig(t, {server: `https://127.0.0.1:${port}`, 'certificate-authority-data': base64(ca)}, {token: 'of the file'}),
	};
	const get = async () => {
		const connection = await connectWith(variables, root);
		t.teardown(() => connection.agent.destroy());
		await new HttpApiClient(connection).get('/version', {signal: never});
	};

	await get();
	await writeFile(path.join(folder, 'token'), 'of the Pod');
	await get();
	t.deepEqual(requests.map(({headers}) => headers.authorization), ['Bearer of the file', 'Bearer of the Pod']);
});

test('connections are kept, fewer than the burst of Pods, and closed before the API server closes them', async t => {
	const {connection: {agent}} = await setUp(t, {token: 'secret'});
	t.true(agent.options.keepAlive);
	t.is(agent.maxSockets, 16);
	// The API server closes idle connections after 90 s.
	t.true(agent.options.timeout! >= 30_000 && agent.options.timeout! <= 80_000);
});

/** A credential plugin that prints a file's content: a token that has expired already, so that it runs each time it is asked. */
const setUpPlugin = async (t: ExecutionContext) => {
	const file = path.join(await temporaryFolder(t), 'credential');
	const apiVersion = 'client.authentication.k8s.io/v1';
	const giveToken = async (token: string) => writeFile(file, JSON.stringify({apiVersion, kind: 'ExecCredential', status: {token, expirationTimestamp: '2020-01-01T00:00:00Z'}}));
	await giveToken('old');
	return {...await setUp(t, {exec: {apiVersion, command: 'cat', args: [file]}}), file, giveToken};
};

test('a rotated token is used after ten seconds', async t => {
	const {requests, get, monotonic, giveToken} = await setUpPlugin(t);
	await get();
	await giveToken('new');
	monotonic.now = 10_000;
	await get();
	monotonic.now = 10_001;
	await get();
	t.deepEqual(requests.map(({headers}) => headers.authorization), ['Bearer old', 'Bearer old', 'Bearer new']);
});

test('credentials that can\'t be read fail the request, and are read again for the next one', async t => {
	const {requests, get, file, giveToken} = await setUpPlugin(t);
	await rm(file);
	await t.throwsAsync(get());
	t.deepEqual(requests, []);
	await giveToken('at last');
	await get();
	t.deepEqual(requests.map(({headers}) => headers.authorization), ['Bearer at last']);
});

const badConfigurations: ReadonlyArray<readonly [title: string, cluster: Cluster, context: string, message: RegExp]> = [
	['no cluster for its context', {server: 'https://127.0.0.1'}, 'other', /^the kubeconfig ".+" has no cluster for its current context "other": choose one with "kubectl config use-context"$/],
	['a server without TLS', {server: 'http://127.0.0.1'}, 'one', /reaches the cluster at "http:\/\/127\.0\.0\.1": the operator needs https and no proxy-url$/],
	['a proxy', {server: 'https://127.0.0.1', 'proxy-url': 'http://proxy'}, 'one', /at "https:\/\/127\.0\.0\.1" through the proxy "http:\/\/proxy": the operator needs/],
];

for (const [title, cluster, context, message] of badConfigurations) {
	test(`a kubeconfig with ${title} is a configuration error`, async t => {
		await t.throwsAsync(connect(await writeKubeconfig(t, cluster, {}, context), () => 0), {instanceOf: ConfigurationError, message});
	});
}

test('a certificate, key or plugin that can\'t be used is a configuration error', async t => {
	const cluster = {server: 'https://127.0.0.1'};
	const message = /^the kubeconfig ".+" has credentials that can't be used: ./;
	await t.throwsAsync(connect(await writeKubeconfig(t, cluster, {exec: {apiVersion: 'client.authentication.k8s.io/v1', command: 'cat', args: ['/nowhere']}}), () => 0), {instanceOf: ConfigurationError, message});
	await t.throwsAsync(connect(await writeKubeconfig(t, cluster, {'client-certificate-data': base64('no PEM'), 'client-key-data': base64('no PEM')}), () => 0), {instanceOf: ConfigurationError, message});
});

for (const [provider, plugin] of [['azure', 'kubelogin'], ['gcp', 'gke-gcloud-auth-plugin']] as const) {
	test(`a kubeconfig with the removed auth-provider ${provider} is a configuration error that names its successor`, async t => {
		const user = {'auth-provider': {name: provider, config: {'access-token': 'old'}}};
		await t.throwsAsync(connect(await writeKubeconfig(t, {server: 'https://127.0.0.1'}, user), () => 0), {instanceOf: ConfigurationError, message: new RegExp(`has the auth-provider "${provider}".*${plugin}`)});
	});
}

test('a kubeconfig that is missing or invalid is a configuration error', async t => {
	await t.throwsAsync(connect('/nowhere', () => 0), {instanceOf: ConfigurationError, message: /^the kubeconfig "\/nowhere" can't be read: ENOENT/});
	const file = path.join(await temporaryFolder(t), 'kubeconfig');
	await writeFile(file, '{');
	await t.throwsAsync(connect(file, () => 0), {instanceOf: ConfigurationError, message: /can't be read/});
});
