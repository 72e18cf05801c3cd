import {EventEmitter, once} from 'node:events';
import http from 'node:http';
import net from 'node:net';
import {mock} from 'node:test';
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {pino} from 'pino';
import {createWebhookApp} from '../../src/server/app.ts';
import {listen} from '../../src/server/listener.ts';
import {send} from '../helpers/http.ts';

/** More than the kernels of both sides take from a client that does not read. */
const largeBytes = 15 * 1024 * 1024;

/** A webhook whose answer has as many bytes as the request's body says, and lines of its log. */
const start = async (t: ExecutionContext, drainMs?: number) => {
	const lines = new EventEmitter();
	const logger = pino({}, {write: line => lines.emit('line', (JSON.parse(line) as {msg: string}).msg)});
	const app = createWebhookApp({
		path: '/mutate-pods',
		mutatePod: async bytes => ({filling: 'x'.repeat(Number(bytes) - '{"filling":""}'.length)}),
		logger,
		isStopping: () => false,
		...(drainMs !== undefined && {drainMs}),
	});
	const {port, close} = await listen(app, {host: '127.0.0.1', port: 0});
	t.teardown(async () => close(0));
	const nextLine = async () => (await once(lines, 'line') as [string])[0];
	return {port, nextLine};
};

/** Asks for an answer of that size and does not read it. */
const askOnly = (t: ExecutionContext, port: number, bytes: number): net.Socket => {
	const body = String(bytes);
	const socket = net.connect({host: '127.0.0.1', port});
	t.teardown(() => socket.destroy());
	socket.pause().on('error', () => {}).write(`POST /mutate-pods HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
	return socket;
};

/** Reads what is left, and resolves with its number of bytes when the connection ends. */
const readAll = async (socket: net.Socket): Promise<number> => {
	let received = 0;
	socket.on('data', (chunk: Buffer) => {
		received += chunk.length;
	}).resume();
	if (!socket.closed) {
		await once(socket, 'close');
	}

	return received;
};

const post: http.RequestOptions = {method: 'POST', path: '/mutate-pods', headers: {'Content-Type': 'application/json'}};

test('the connection of a client that does not read its answer in time is closed', async t => {
	const {port, nextLine} = await start(t, 50);
	const line = nextLine();
	const socket = askOnly(t, port, largeBytes);
	t.is(await line, `0.05 s have passed: closed the connection from 127.0.0.1, which had not read its answer of ${largeBytes} bytes`);
	t.true(await readAll(socket) < largeBytes);
});

// Serial: it replaces the timers of the whole process.
test.serial('by default, a client may take ten seconds to read its answer', async t => {
	mock.timers.enable({apis: ['setTimeout']});
	t.teardown(() => mock.timers.reset());
	const {port, nextLine} = await start(t);
	const socket = askOnly(t, port, largeBytes);
	await once(socket.resume(), 'data');
	socket.pause();
	mock.timers.tick(9999);
	const line = nextLine();
	mock.timers.tick(1);
	t.regex(await line, /^10 s have passed: /);
});

test('the largest unsent answer makes room for others', async t => {
	const {port, nextLine} = await start(t, 3_600_000);
	t.is((await send(port, {path: '/'})).status, 404, 'An answer without a body counts as nothing.');
	const line = nextLine();
	const sockets = [askOnly(t, port, 9_000_000), askOnly(t, port, 9_000_001)];
	t.is(await line, 'too many answers are unsent: closed the connection from 127.0.0.1, which had not read its answer of 9000001 bytes');
	t.true(await readAll(sockets[1]!) < 9_000_001);
	t.is((await send(port, {...post, body: '1000'})).body.length, 1000);
});

test('answers that are read no longer count', async t => {
	const {port} = await start(t, 3_600_000);
	const agent = new http.Agent({keepAlive: true, maxSockets: 1});
	t.teardown(() => agent.destroy());
	for (let count = 0; count < 3; count++) {
		t.is((await send(port, {...post, agent, body: '9000000'})).body.length, 9_000_000);
	}
});

test('the answer to a client that has gone away no longer counts', async t => {
	const {port} = await start(t, 3_600_000);
	for (let count = 0; count < 3; count++) {
		const socket = askOnly(t, port, 9_000_000).resume();
		await once(socket, 'data');
		socket.pause().destroy();
		await once(socket, 'close');
	}

	t.is((await send(port, {...post, body: '9000000'})).body.length, 9_000_000);
});
