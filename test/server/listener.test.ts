import {once} from 'node:events';
import http from 'node:http';
import https from 'node:https';
import test from 'ava';
import type {ExecutionContext} from 'ava';
import Koa from 'koa';
import {createCertificateAuthority} from '../../harness/control-plane/certificates.ts';
import {ConfigurationError} from '../../src/errors.ts';
import {listen} from '../../src/server/listener.ts';
import type {ListenOptions} from '../../src/server/listener.ts';
import {answerTo, send, sendRaw} from '../helpers/http.ts';
import type {Answer} from '../helpers/http.ts';

const loopback = {host: '127.0.0.1', port: 0};

const start = async (t: ExecutionContext, answer: (context: Koa.Context) => Promise<void> | void, options: Partial<ListenOptions> = {}) => {
	const app = new Koa();
	app.silent = true;
	app.use(answer);
	const listener = await listen(app, {...loopback, ...options});
	t.teardown(async () => listener.close(0));
	return listener;
};

const sayHello = (context: Koa.Context) => {
	context.body = 'hello';
};

/** An answer that a test can delay. */
const heldAnswer = () => {
	const begun = Promise.withResolvers<void>();
	const {promise, resolve: release} = Promise.withResolvers<void>();
	return {
		begun: begun.promise,
		release,
		answer: async (context: Koa.Context) => {
			begun.resolve();
			await promise;
			context.body = 'at last';
		},
	};
};

test('port 0 listens on a free port and reports it', async t => {
	const {port} = await start(t, sayHello);
	t.true(port > 0);
	t.like(await send(port, {path: '/'}), {status: 200, body: 'hello'});
});

test('with a certificate it serves TLS 1.2 and newer only', async t => {
	const authority = await createCertificateAuthority();
	const {certificatePem, keyPem} = await authority.issue({commonName: 'webhook', hosts: ['127.0.0.1'], usage: 'server'});
	const {port} = await start(t, sayHello, {tls: {certificate: certificatePem, key: keyPem}});
	const options = {host: '127.0.0.1', port, ca: authority.certificatePem, agent: false} as const;
	t.like(await answerTo(https.request(options).end()), {status: 200, body: 'hello'});
	const outdated = https.request({...options, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0'}).end();
	await t.throwsAsync(once(outdated, 'response'));
	t.is(await sendRaw(port, 'GET / HTTP/1.1\r\n\r\n'), '', 'Plain HTTP gets no answer.');
	t.is((await answerTo(https.request(options).end())).status, 200);
});

/** After a failed handshake, a connection reset may follow when no listener is left. */
const ignore = () => {};

test('a new certificate is used for new connections, and open ones stay', async t => {
	const [one, other] = await Promise.all([createCertificateAuthority(), createCertificateAuthority()]);
	const [first, second] = await Promise.all([one, other].map(async ({issue}) => issue({commonName: 'webhook', hosts: ['127.0.0.1'], usage: 'server'})));
	const {port, useTls} = await start(t, sayHello, {tls: {certificate: first!.certificatePem, key: first!.keyPem}});
	const agent = new https.Agent({keepAlive: true, maxSockets: 1});
	t.teardown(() => agent.destroy());
	const call = async (ca: string, options: https.RequestOptions = {}) => (await answerTo(https.request({host: '127.0.0.1', port, ca, agent: false, ...options}).on('error', ignore).end())).status;
	t.is(await call(one.certificatePem, {agent}), 200);
	t.throws(() => useTls({certificate: second!.certificatePem, key: first!.keyPem}));
	t.is(await call(one.certificatePem), 200, 'An invalid certificate changes nothing.');
	useTls({certificate: second!.certificatePem, key: second!.keyPem});
	t.is(await call(other.certificatePem), 200);
	await t.throwsAsync(call(one.certificatePem));
	t.is(await call(one.certificatePem, {agent}), 200);
});

test('a client without a certificate of the client CA is rejected, also after the CA changes', async t => {
	const [clients, strangers] = await Promise.all([createCertificateAuthority(), createCertificateAuthority()]);
	const server = await clients.issue({commonName: 'webhook', hosts: ['127.0.0.1'], usage: 'server'});
	const tls = {certificate: server.certificatePem, key: server.keyPem};
	const [client, stranger] = await Promise.all([clients, strangers].map(async ({issue}) => issue({commonName: 'kube-apiserver', usage: 'client'})));
	const {port, useTls} = await start(t, sayHello, {tls: {...tls, clientCa: clients.certificatePem}});
	const call = async (shown?: typeof client) =>
		(await answerTo(https.request({host: '127.0.0.1', port, ca: clients.certificatePem, agent: false, ...(shown && {cert: shown.certificatePem, key: shown.keyPem})}).on('error', ignore).end())).status;
	t.is(await call(client), 200);
	await t.throwsAsync(call());
	await t.throwsAsync(call(stranger));
	useTls({...tls, clientCa: strangers.certificatePem});
	t.is(await call(stranger), 200);
	await t.throwsAsync(call(client));
	await t.throwsAsync(call());
});

test('a port that is in use is a configuration error', async t => {
	const {port} = await start(t, sayHello);
	const error = await t.throwsAsync(listen(new Koa(), {...loopback, port}), {instanceOf: ConfigurationError});
	t.regex(error.message, new RegExp(`^can't listen on port ${port} of 127\\.0\\.0\\.1: .*EADDRINUSE`));
});

test('an address of another machine is a configuration error', async t => {
	const error = await t.throwsAsync(listen(new Koa(), {host: '192.0.2.1', port: 0}), {instanceOf: ConfigurationError});
	t.regex(error.message, /^can't listen on port 0 of 192\.0\.2\.1: .*EADDRNOTAVAIL/);
});

test('an invalid certificate or key is a configuration error', async t => {
	const authority = await createCertificateAuthority();
	const [good, other] = await Promise.all([1, 2].map(async () => authority.issue({commonName: 'webhook', hosts: ['127.0.0.1'], usage: 'server'})));
	const files: ReadonlyArray<readonly [certificate: string, key: string]> = [
		['', ''],
		['not PEM', good!.keyPem],
		[good!.certificatePem, 'not PEM'],
		[good!.keyPem, good!.certificatePem],
		[good!.certificatePem, other!.keyPem],
		[good!.certificatePem.replace(/\n[^]{20}/, '\nAAAA'), good!.keyPem],
	];
	for (const [certificate, key] of files) {
		const error = await t.throwsAsync(listen(new Koa(), {...loopback, tls: {certificate, key}}), {instanceOf: ConfigurationError});
		t.regex(error.message, /^the webhook's certificate can't be used: .+\. Both files must be PEM, and the key must belong to the certificate$/);
	}
});

test('a client that sends nothing in time gets a 408', async t => {
	const {port} = await start(t, sayHello, {requestTimeoutMs: 50});
	t.regex(await sendRaw(port, ''), /^HTTP\/1\.1 408 /);
});

test('a client that does not finish the TLS handshake in time is disconnected', async t => {
	const authority = await createCertificateAuthority();
	const {certificatePem, keyPem} = await authority.issue({commonName: 'webhook', hosts: ['127.0.0.1'], usage: 'server'});
	const {port} = await start(t, sayHello, {tls: {certificate: certificatePem, key: keyPem}, requestTimeoutMs: 50});
	t.is(await sendRaw(port, ''), '');
});

test('a client that does not finish its headers in time gets a 408', async t => {
	const {port} = await start(t, sayHello, {requestTimeoutMs: 50});
	t.regex(await sendRaw(port, 'GET / HTTP/1.1\r\nHost:'), /^HTTP\/1\.1 408 /);
});

test('a client that does not finish its body in time gets a 408', async t => {
	const {port} = await start(t, async context => {
		await once(context.req, 'end');
	}, {requestTimeoutMs: 50});
	t.regex(await sendRaw(port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello'), /^HTTP\/1\.1 408 /);
});

test('the request timeout does not apply to the answer', async t => {
	const held = heldAnswer();
	const {port} = await start(t, async context => context.path === '/held' ? held.answer(context) : void await once(context.req, 'end'), {requestTimeoutMs: 300});
	const running = send(port, {path: '/held'});
	await held.begun;
	// When the second slow request gets its 408, the server has checked all connections at least once.
	for (let count = 0; count < 2; count++) {
		t.is((await send(port, {path: '/', headers: {'Content-Length': '5'}})).status, 408);
	}

	held.release();
	t.is((await running).body, 'at last');
});

test('close lets a request finish and accepts no connections', async t => {
	const held = heldAnswer();
	const {port, close} = await start(t, held.answer);
	const running = send(port, {path: '/'});
	await held.begun;
	const closing = close(3_600_000);
	await t.throwsAsync(send(port, {path: '/'}), {code: 'ECONNREFUSED'});
	held.release();
	t.like(await running, {status: 200, body: 'at last'});
	await closing;
});

test('close does not wait for keep-alive connections, idle or busy', async t => {
	const held = heldAnswer();
	const {port, close} = await start(t, async context => context.path === '/held' ? held.answer(context) : sayHello(context));
	const agent = new http.Agent({keepAlive: true});
	t.teardown(() => agent.destroy());
	await send(port, {path: '/', agent});
	await send(port, {path: '/', agent: new http.Agent({keepAlive: true})});
	const running = send(port, {path: '/held', agent});
	await held.begun;
	const closing = close(3_600_000);
	held.release();
	t.is((await running).body, 'at last');
	await closing;
	t.pass();
});

test('close drops connections after its budget', async t => {
	const held = heldAnswer();
	const {port, close} = await start(t, held.answer);
	const running = send(port, {path: '/'});
	await held.begun;
	const [result] = await Promise.allSettled([running, close(20)]);
	t.like(result, {status: 'rejected', reason: {code: 'ECONNRESET'}});
	held.release();
});

test('idle connections stay open for longer than the 90 s for which the API server keeps them', async t => {
	const {port} = await start(t, sayHello);
	const agent = new http.Agent({keepAlive: true});
	t.teardown(() => agent.destroy());
	const {headers} = await send(port, {path: '/', agent});
	const [, seconds] = /^timeout=(\d+)$/.exec(String(headers['keep-alive'])) ?? [];
	t.true(Number(seconds) > 90, String(headers['keep-alive']));
});

type LimitedServer = http.Server & {readonly maxConnections: number};

for (const isTls of [false, true]) {
	test(`by default, ${isTls ? 'HTTPS' : 'HTTP'} requests must arrive within 15 s, and 1500 connections may be open`, async t => {
		const authority = await createCertificateAuthority();
		const {certificatePem, keyPem} = await authority.issue({commonName: 'webhook', hosts: ['127.0.0.1'], usage: 'server'});
		const servers: LimitedServer[] = [];
		const {port} = await start(t, ({req: {socket}}) => {
			// The server of a TLS connection is a property too.
			servers.push((socket as typeof socket & {readonly server: LimitedServer}).server);
		}, isTls ? {tls: {certificate: certificatePem, key: keyPem}} : {});
		const options = {host: '127.0.0.1', port, agent: false} as const;
		await answerTo((isTls ? https.request({...options, ca: authority.certificatePem}) : http.request(options)).end());
		t.like(servers[0], {requestTimeout: 15_000, headersTimeout: 15_000, maxConnections: 1500});
	});
}

test('connections beyond the maximum are closed, and that is reported once until one is accepted', async t => {
	const app = new Koa();
	const errors: string[] = [];
	app.on('error', (error: Error) => errors.push(error.message));
	app.use(sayHello);
	const {port, close} = await listen(app, {...loopback, maximumConnections: 1});
	t.teardown(async () => close(0));
	const agent = new http.Agent({keepAlive: true});
	t.teardown(() => agent.destroy());
	const isFull = '1 connections are open: closing further ones';
	t.is((await send(port, {path: '/', agent})).status, 200);
	await t.throwsAsync(send(port, {path: '/'}));
	await t.throwsAsync(send(port, {path: '/'}));
	t.deepEqual(errors, [isFull]);
	t.is((await send(port, {path: '/', agent, headers: {Connection: 'close'}})).status, 200);
	// The server may see the end of the connection a moment after the client.
	let next: Answer | undefined;
	while (!next) {
		next = await send(port, {path: '/', agent}).catch(() => undefined);
	}

	await t.throwsAsync(send(port, {path: '/'}));
	t.deepEqual(errors, [isFull, isFull]);
});

test('a server error while listening is emitted on the app, and the server keeps serving', async t => {
	const app = new Koa();
	app.use(({req: {socket}}) => {
		const {server} = socket as typeof socket & {server: http.Server};
		server.emit('error', new Error('accept EMFILE'));
		server.emit('error', new Error('accept EMFILE'));
	});
	const emitted: Error[] = [];
	app.on('error', error => emitted.push(error));
	const {port, close} = await listen(app, loopback);
	t.teardown(async () => close(0));
	t.is((await send(port, {path: '/'})).status, 404);
	t.deepEqual(emitted.map(({message}) => message), ['accept EMFILE', 'accept EMFILE']);
});
