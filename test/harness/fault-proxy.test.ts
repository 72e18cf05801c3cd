import {once} from 'node:events';
import type http from 'node:http';
import https from 'node:https';
import type {AddressInfo} from 'node:net';
import {text} from 'node:stream/consumers';
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {createCertificateAuthority} from '../../harness/control-plane/certificates.ts';
import {startFaultProxy} from '../../harness/fault-proxy.ts';
import type {Fault} from '../../harness/fault-proxy.ts';

/** Starts a server that notes each request, over TLS with client certificates as an API server has it, and a client that reaches it through the proxy. */
const start = async (t: ExecutionContext, chooseFault: (carriedOut: readonly string[]) => Fault | undefined) => {
	const authority = await createCertificateAuthority();
	const issue = async (usage: 'server' | 'client') => authority.issue({commonName: usage, hosts: ['127.0.0.1'], usage});
	const [server, client] = await Promise.all([issue('server'), issue('client')]);
	const carriedOut: string[] = [];
	const carryOut = async (request: http.IncomingMessage, response: http.ServerResponse) => {
		carriedOut.push(await text(request));
		response.end('done');
	};

	const listener = https.createServer({cert: server.certificatePem, key: server.keyPem, ca: authority.certificatePem, requestCert: true}, (request, response) => {
		void carryOut(request, response);
	});
	listener.listen(0, '127.0.0.1');
	await once(listener, 'listening');
	const proxy = await startFaultProxy({targetPort: (listener.address() as AddressInfo).port, chooseFault: () => chooseFault(carriedOut)});
	const agent = new https.Agent({keepAlive: true, maxSockets: 1, ca: authority.certificatePem, cert: client.certificatePem, key: client.keyPem});
	t.teardown(async () => {
		agent.destroy();
		await proxy[Symbol.asyncDispose]();
		listener.closeAllConnections();
		listener.close();
	});

	/** Resolves with the answer, or with the code of the error. */
	const send = async (body: string): Promise<string> => {
		const request = https.request({host: '127.0.0.1', port: proxy.port, agent, method: 'POST'});
		request.end(body);
		try {
			const [response] = await once(request, 'response') as [http.IncomingMessage];
			return await text(response);
		} catch (error) {
			return (error as NodeJS.ErrnoException).code ?? String(error);
		}
	};

	return {proxy, carriedOut, send};
};

test('without faults everything passes', async t => {
	const {proxy, carriedOut, send} = await start(t, () => undefined);
	const large = 'x'.repeat(4 * 1024 * 1024);
	for (const body of ['one', large, 'three']) {
		t.is(await send(body), 'done');
	}

	t.deepEqual(carriedOut, ['one', large, 'three']);
	t.deepEqual(proxy.counts, {'lose request': 0, 'lose answer': 0});
});

test('lose answer: the server carries out the request and the client is reset', async t => {
	const {proxy, carriedOut, send} = await start(t, done => done.length === 2 ? 'lose answer' : undefined);
	t.deepEqual([await send('one'), await send('two'), await send('three')], ['done', 'done', 'ECONNRESET']);
	t.deepEqual(carriedOut, ['one', 'two', 'three']);
	t.is(await send('four'), 'done', 'A new connection works.');
	t.deepEqual(proxy.counts, {'lose request': 0, 'lose answer': 1});
});

test('lose request: the server never sees the request and the client is reset', async t => {
	const {proxy, carriedOut, send} = await start(t, done => done.at(-1) === 'two' ? 'lose request' : undefined);
	t.deepEqual([await send('one'), await send('two'), await send('three'), await send('four')], ['done', 'done', 'ECONNRESET', 'done']);
	t.deepEqual(carriedOut, ['one', 'two', 'four']);
	t.deepEqual(proxy.counts, {'lose request': 1, 'lose answer': 0});
});

test('all connections can be reset at once', async t => {
	const {proxy, send} = await start(t, () => undefined);
	t.is(await send('one'), 'done');
	t.is(proxy.resetAll(), 1);
	// The client may not have noticed the reset yet.
	await send('two');
	t.is(await send('three'), 'done');
});
