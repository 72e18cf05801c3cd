/** Answers of every length, from a server on loopback. */
import {once} from 'node:events';
import https from 'node:https';
import type {AddressInfo} from 'node:net';
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {createCertificateAuthority} from '../../harness/control-plane/certificates.ts';
import {AnswerTooLongError} from '../../src/errors.ts';
import type {WatchEvent} from '../../src/kubernetes/api-client.ts';
import {HttpApiClient} from '../../src/kubernetes/http-api-client.ts';
import {never} from '../helpers/no-ops.ts';

/** A client of a server that sends these chunks as its answer to every request. */
const clientOf = async (t: ExecutionContext, ...chunks: readonly string[]): Promise<HttpApiClient> => {
	const authority = await createCertificateAuthority();
	const {certificatePem, keyPem} = await authority.issue({commonName: 'api', hosts: ['127.0.0.1'], usage: 'server'});
	const server = https.createServer({cert: certificatePem, key: keyPem}, (_request, response) => {
		for (const chunk of chunks) {
			response.write(chunk);
		}

		response.end();
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	const agent = new https.Agent({ca: authority.certificatePem, keepAlive: true});
	t.teardown(() => {
		agent.destroy();
		server.close();
		server.closeAllConnections();
	});
	return new HttpApiClient({server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, agent, authorization: async () => ({})});
};

const read = async (api: HttpApiClient, maximumLength?: number) => api.get('/a', {signal: never, ...(maximumLength !== undefined && {maximumLength})});

test('an answer may be as long as the caller allows, and no longer', async t => {
	const text = JSON.stringify('a'.repeat(1000));
	const api = await clientOf(t, text);
	t.is(await read(api, text.length), 'a'.repeat(1000));
	await t.throwsAsync(read(api, text.length - 1), {instanceOf: AnswerTooLongError, message: 'the API server\'s answer is longer than 1001 characters'});
});

test('the largest object that etcd stores by default can be read, each of its characters escaped', async t => {
	const api = await clientOf(t, '"', String.raw`\u003c`.repeat(1.5 * 1024 * 1024), '"');
	t.is(await read(api), '<'.repeat(1.5 * 1024 * 1024));
});

test('an answer without end is given up', async t => {
	const api = await clientOf(t, '"', ...Array.from({length: 30}, () => 'a'.repeat(1024 * 1024)));
	await t.throwsAsync(read(api), {instanceOf: AnswerTooLongError});
});

const watched = async (api: HttpApiClient): Promise<Array<WatchEvent<unknown>>> => {
	const events = [];
	for await (const event of api.watch('/a?resourceVersion=1', {signal: never, timeoutSeconds: 1})) {
		events.push(event);
	}

	return events;
};

test('events of a watch are read whatever the chunks in which they come', async t => {
	const events = [{type: 'ADDED', object: 'first'}, {type: 'DELETED', object: 'second'}, {type: 'ADDED', object: 'third'}];
	const text = events.map(event => `${JSON.stringify(event)}\n`).join('');
	t.deepEqual(await watched(await clientOf(t, text)), events as never);
	t.deepEqual(await watched(await clientOf(t, ...text.split(''))), events as never);
	t.deepEqual(await watched(await clientOf(t, text, '{"type":"ADD')), events as never, 'The last event broke off.');
});

test('an event without end is given up', async t => {
	const api = await clientOf(t, ...Array.from({length: 30}, () => 'a'.repeat(1024 * 1024)));
	await t.throwsAsync(watched(api), {message: /a line of the API server's answer is longer than/});
});
