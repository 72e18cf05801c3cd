import {EventEmitter, once} from 'node:events';
import http from 'node:http';
import type {RequestOptions} from 'node:http';
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {pino} from 'pino';
import {BadReviewError, ApiError} from '../../src/errors.ts';
import {budgetMs, createHealthApp, createWebhookApp} from '../../src/server/app.ts';
import type {WebhookAppOptions} from '../../src/server/app.ts';
import {listen} from '../../src/server/listener.ts';
import {maximumBodyBytes} from '../../src/server/request-body.ts';
import {answerTo, send, sendRaw} from '../helpers/http.ts';

const echo: WebhookAppOptions['mutatePod'] = async body => ({echo: body});

const startWebhook = async (t: ExecutionContext, options: Partial<WebhookAppOptions> = {}) => {
	const logged: Array<{readonly level: number; readonly msg: string}> = [];
	const lines = new EventEmitter();
	const logger = pino({}, {write: line => {
		logged.push(JSON.parse(line) as typeof logged[number]);
		lines.emit('line');
	}});
	const untilLogged = async (message: RegExp) => {
		while (!logged.some(({msg}) => message.test(msg))) {
			await once(lines, 'line');
		}
	};

	const {port, close} = await listen(createWebhookApp({path: '/mutate-pods', mutatePod: echo, logger, isStopping: () => false, ...options}), {host: '127.0.0.1', port: 0});
	t.teardown(async () => close(0));
	return {port, logged, untilLogged};
};

const json = {'Content-Type': 'application/json'};
const post: RequestOptions = {method: 'POST', path: '/mutate-pods?timeout=10s', headers: json};

test('a review is answered with the mutator\'s review', async t => {
	const {port} = await startWebhook(t);
	const agent = new http.Agent({keepAlive: true});
	t.teardown(() => agent.destroy());
	const {status, headers, body} = await send(port, {...post, agent, body: '{"kind": "AdmissionReview"}'});
	t.is(status, 200);
	t.is(headers['content-type'], 'application/json; charset=utf-8');
	t.not(headers.connection, 'close');
	t.deepEqual(JSON.parse(body), {echo: {kind: 'AdmissionReview'}});
});

test('any JSON is passed on, even if it arrives byte by byte', async t => {
	const {port} = await startWebhook(t);
	const request = http.request({host: '127.0.0.1', port, agent: false, ...post, headers: {'Content-Type': 'application/json; charset=utf-8'}});
	const text = Buffer.from('["Grüße", null, {"__proto__": 1}]');
	for (const byte of text) {
		request.write(Buffer.of(byte));
	}

	request.end();
	t.is((await answerTo(request)).body, '{"echo":["Grüße",null,{"__proto__":1}]}');
});

const isRejected = test.macro(async (t, options: RequestOptions & {readonly body?: string | Uint8Array}, status: number, message: string | RegExp) => {
	const {port, logged} = await startWebhook(t, {mutatePod: async () => t.fail('The request must be rejected before.')});
	const answer = await send(port, {...post, ...options});
	t.is(answer.status, status);
	t.true(typeof message === 'string' ? answer.body === message : message.test(answer.body), answer.body);
	t.true(logged.every(({level}) => level <= 40), 'A bad request is a warning, not an error.');
});

test('another path is not found', isRejected, {path: '/'}, 404, 'Not Found');
test('a path below is not found', isRejected, {path: '/mutate-pods/more'}, 404, 'Not Found');
test('a path that can\'t be decoded is not found', isRejected, {path: '/%E0%A4%A'}, 404, 'Not Found');
test('a path in upper case is not found', isRejected, {path: '/MUTATE-PODS'}, 404, 'Not Found');
test('a path with a slash at its end is not found', isRejected, {path: '/mutate-pods/'}, 404, 'Not Found');
test('another method is not allowed', isRejected, {method: 'GET'}, 405, 'Method Not Allowed');
test('another method with a body is not allowed', isRejected, {method: 'PUT', body: '{}'}, 405, 'Method Not Allowed');
test('a form is not JSON', isRejected, {headers: {'Content-Type': 'application/x-www-form-urlencoded'}, body: 'a=b'}, 415, 'the Content-Type is "application/x-www-form-urlencoded": send an AdmissionReview as application/json\n');
test('a body without a Content-Type is not JSON', isRejected, {headers: {}, body: '{}'}, 415, 'the Content-Type is "": send an AdmissionReview as application/json\n');
test('a malformed Content-Type is not JSON', isRejected, {headers: {'Content-Type': `;;,${'x'.repeat(5000)}`}, body: '{}'}, 415, /^the Content-Type is ";;,x{97}": /);
test('plain text is not JSON', isRejected, {body: 'hello'}, 400, /^the body is not JSON in UTF-8: Unexpected token/);
test('truncated JSON is not JSON', isRejected, {body: '{"kind": '}, 400, /^the body is not JSON in UTF-8: /);
test('JSON in UTF-16 is not JSON', isRejected, {body: Buffer.from('{}', 'utf16le')}, 400, /^the body is not JSON in UTF-8: /);
test('invalid UTF-8 is not JSON', isRejected, {body: Buffer.from([0x22, 0xFF, 0xFE, 0x22])}, 400, /^the body is not JSON in UTF-8: /);
test('compressed JSON is not read', isRejected, {headers: {...json, 'Content-Encoding': 'gzip'}, body: Buffer.from([0x1F, 0x8B, 8, 0])}, 415, 'the Content-Encoding is "gzip": send the body as it is\n');
test('an unknown Content-Encoding is not read', isRejected, {headers: {...json, 'Content-Encoding': `identity, ${'x'.repeat(5000)}`}, body: '{}'}, 415, /^the Content-Encoding is "identity, x{90}": /);
test('an empty body is rejected', isRejected, {body: ''}, 400, 'the body is empty: send an AdmissionReview\n');
test('a body with too large a Content-Length is rejected without reading it', isRejected, {headers: {...json, 'Content-Length': maximumBodyBytes + 1}, body: '{'}, 413, 'the body is larger than 7340032 bytes\n');
test('a body of spaces is not JSON', isRejected, {body: ' '.repeat(1000)}, 400, /^the body is not JSON in UTF-8: /);

test('a body without an encoding is read, also if the client says so', async t => {
	const {port} = await startWebhook(t);
	t.is((await send(port, {...post, headers: {...json, 'Content-Encoding': 'Identity'}, body: '{}'})).status, 200);
});

test('a configured path is served, and the default path is not', async t => {
	const {port} = await startWebhook(t, {path: '/hooks/k3'});
	t.is((await send(port, {...post, path: '/hooks/k3?timeout=10s', body: '{}'})).status, 200);
	t.is((await send(port, {...post, body: '{}'})).status, 404);
});

test('a request that is rejected by its head is answered before its body arrives, and closes the connection', async t => {
	const {port} = await startWebhook(t);
	const head = 'HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nContent-Type: application/json\r\n';
	// sendRaw resolves when the server ends the connection.
	t.regex(await sendRaw(port, `POST /other ${head}\r\n{`), /^HTTP\/1\.1 404 /);
	t.regex(await sendRaw(port, `PUT /mutate-pods ${head}\r\n{`), /^HTTP\/1\.1 405 /);
	t.regex(await sendRaw(port, `POST /mutate-pods ${head}Content-Encoding: br\r\n\r\n{`), /^HTTP\/1\.1 415 /);
});

test('a request without a body is rejected', async t => {
	const {port} = await startWebhook(t);
	t.regex(await sendRaw(port, 'POST /mutate-pods HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 400 [^]*the body is empty/);
});

test('a body is rejected as soon as it grows too large', async t => {
	const {port} = await startWebhook(t);
	const request = http.request({host: '127.0.0.1', port, agent: false, ...post});
	request.write(Buffer.alloc(maximumBodyBytes, ' '));
	request.write(' ');
	const {status, headers} = await answerTo(request);
	t.is(status, 413);
	t.is(headers.connection, 'close');
	request.destroy();
});

test('a body of exactly the maximum size is read', async t => {
	const {port} = await startWebhook(t, {mutatePod: async body => ({length: (body as string).length})});
	const {status, body} = await send(port, {...post, body: `"${'x'.repeat(maximumBodyBytes - 2)}"`});
	t.is(status, 200);
	t.deepEqual(JSON.parse(body), {length: maximumBodyBytes - 2});
});

test('JSON nested a hundred thousand levels deep does no harm', async t => {
	const {port} = await startWebhook(t, {mutatePod: async () => ({})});
	t.is((await send(port, {...post, body: `${'['.repeat(100_000)}${']'.repeat(100_000)}`})).status, 200);
	t.is((await send(port, {...post, body: '['.repeat(1_000_000)})).status, 400);
});

test('a BadReviewError becomes a 400 response with its message', async t => {
	const {port, logged} = await startWebhook(t, {
		mutatePod: async () => {
			throw new BadReviewError(400, 'The request body is 7, but must be an object');
		},
	});
	const {status, body, headers} = await send(port, {...post, body: '7'});
	t.is(status, 400);
	t.is(body, 'The request body is 7, but must be an object\n');
	t.is(headers.connection, 'close');
	t.is(logged[0]?.msg, 'POST /mutate-pods from 127.0.0.1: The request body is 7, but must be an object');
});

const secret = 'the password is "swordfish"';
const failures: Readonly<Record<string, () => unknown>> = {
	'an error': () => new Error(secret),
	'an error with status, headers and expose': () => Object.assign(new Error(secret), {status: 418, expose: true, headers: {'X-Secret': secret}}),
	'an error from the API server': () => new ApiError('GET', '/secrets', 403, secret),
	'an error from the file system': () => Object.assign(new Error(secret), {code: 'ENOENT'}),
	'a thrown string': () => secret,
	'undefined': () => undefined,
};

for (const [what, failure] of Object.entries(failures)) {
	test(`${what} becomes a 500 response without details, which are logged`, async t => {
		let isBroken = true;
		const {port, logged} = await startWebhook(t, {
			mutatePod: async body => {
				if (isBroken) {
					throw failure();
				}

				return {echo: body};
			},
		});
		const {status, body, headers} = await send(port, {...post, body: '{}'});
		t.is(status, 500);
		t.is(body, 'internal error: see the log of the operator\n');
		t.false(JSON.stringify(headers).includes('swordfish'));
		t.is(logged[0]?.level, 50);
		t.is(logged[0]?.msg, 'POST /mutate-pods from 127.0.0.1 failed');
		isBroken = false;
		t.is((await send(port, {...post, body: '{}'})).status, 200, 'The process still serves.');
	});
}

for (const [timeout, ms] of [
	['10s', 9500], ['5s', 4500], ['2s', 1500], ['1s', 500], ['30s', 9500], ['9999s', 9500], ['0s', 0],
	[undefined, 9500], ['', 9500], ['5', 9500], ['5m', 9500], ['-5s', 9500], ['1.5s', 9500], ['1e3s', 9500], ['99999s', 9500], [['5s', '1s'], 9500],
] as const) {
	test(`a timeout of ${JSON.stringify(timeout) ?? 'undefined'} leaves ${ms} ms for the work`, t => {
		t.is(budgetMs(timeout), ms);
	});
}

test('the signal aborts when the API server\'s timeout is nearly over', async t => {
	const {port} = await startWebhook(t, {
		mutatePod: async (_, signal) => {
			await once(signal, 'abort');
			return {because: (signal.reason as Error).name};
		},
	});
	const {body} = await send(port, {...post, path: '/mutate-pods?timeout=3s', body: '{}'});
	t.deepEqual(JSON.parse(body), {because: 'TimeoutError'});
});

test('the signal aborts when the client closes the connection', async t => {
	const begun = Promise.withResolvers<void>();
	const ended = Promise.withResolvers<unknown>();
	const {port} = await startWebhook(t, {
		mutatePod: async (_, signal) => {
			begun.resolve();
			await once(signal, 'abort');
			ended.resolve(signal.reason);
			return {};
		},
	});
	const request = http.request({host: '127.0.0.1', port, agent: false, ...post});
	request.on('error', () => {});
	request.end('{}');
	await begun.promise;
	request.destroy();
	t.is((await ended.promise as Error).message, 'the client has closed the connection');
	t.is((await send(port, {...post, path: '/'})).status, 404, 'The process still serves.');
});

test('a client that disconnects in the middle of its body is logged as a warning', async t => {
	const {port, logged, untilLogged} = await startWebhook(t, {mutatePod: async () => t.fail('The request must be rejected before.')});
	const request = http.request({host: '127.0.0.1', port, agent: false, ...post, headers: {...json, 'Content-Length': 100}});
	request.on('error', () => {});
	request.write('{', () => request.destroy());
	await untilLogged(/^POST \/mutate-pods from 127\.0\.0\.1: the body (?:could not be read: request aborted|did not arrive in time: the client has closed the connection)$/);
	t.true(logged.every(({level}) => level <= 40));
});

test('a body that does not arrive in time is rejected', async t => {
	const {port} = await startWebhook(t, {mutatePod: async () => t.fail('The request must be rejected before.')});
	const request = http.request({host: '127.0.0.1', port, agent: false, ...post, path: '/mutate-pods?timeout=1s'});
	request.on('error', () => {});
	request.write('{');
	const {status, body, headers} = await answerTo(request);
	t.is(status, 400);
	t.is(body, 'the body did not arrive in time: the deadline for the answer has passed\n');
	t.is(headers.connection, 'close');
	request.destroy();
});

test('every answer closes its connection once the replica is stopping', async t => {
	let isStopping = false;
	const {port} = await startWebhook(t, {
		isStopping: () => isStopping,
		mutatePod: async body => {
			isStopping = true;
			if (body === 7) {
				throw new BadReviewError(400, 'no');
			}

			return {};
		},
	});
	const agent = new http.Agent({keepAlive: true});
	t.teardown(() => agent.destroy());
	t.is((await send(port, {...post, agent, body: '{}'})).headers.connection, 'close');
	t.is((await send(port, {...post, agent, body: '7'})).headers.connection, 'close');
});

test('two hundred connections that send garbage do not block a valid request', async t => {
	const {port} = await startWebhook(t);
	const head = 'POST /mutate-pods HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n';
	const garbage = [
		'\u0000\u0001\u0002\r\n\r\n',
		'GET / HTTP/9.9\r\n\r\n',
		`GET /${'x'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
		`${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
		`${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
		`${head}Content-Length: -1\r\n\r\n`,
		`${head}Content-Length: 5\r\n\r\nhello`,
		`${head}Content-Length: 2\r\n\r\n\u0000\u0000`,
	];
	const answers = Array.from({length: 200}, async (_, index) => sendRaw(port, garbage[index % garbage.length]!));
	const valid = await send(port, {...post, body: '{}'});
	t.is(valid.status, 200);
	// A client that keeps sending after the server has closed the connection may miss its answer.
	const rejected = await Promise.all(answers);
	t.deepEqual(rejected.filter(answer => answer && !/^HTTP\/1\.1 4\d\d /.test(answer)), []);
	t.true(rejected.filter(Boolean).length > 150);
	t.is((await send(port, {...post, body: '{}'})).status, 200);
});

test('one of too many large unfinished bodies is rejected, and a review is answered', async t => {
	const {port} = await startWebhook(t);
	const answers = Array.from({length: 6}, async () => {
		const request = http.request({host: '127.0.0.1', port, agent: false, ...post, headers: {...json, 'Content-Length': maximumBodyBytes}});
		t.teardown(() => request.destroy());
		request.write(Buffer.alloc(6 * 1024 * 1024, ' '));
		return answerTo(request);
	});
	void Promise.allSettled(answers);
	const {status, body, headers} = await Promise.race(answers);
	t.is(status, 429);
	t.is(body, 'too many large reviews are at work at once: try again\n');
	t.is(headers.connection, 'close');
	t.is((await send(port, {...post, body: '{}'})).status, 200);
});

test('a large review counts until its answer is made, and the largest of too many is given up', async t => {
	const {promise: isDone, resolve: finish} = Promise.withResolvers<void>();
	const {port} = await startWebhook(t, {async mutatePod(_body, signal) {
		const {promise: isGivenUp, reject} = Promise.withResolvers<never>();
		signal.addEventListener('abort', () => reject(signal.reason as Error), {once: true});
		await Promise.race([isDone, isGivenUp]);
		return {};
	}});
	const ask = async (bytes: number) => (await send(port, {...post, body: JSON.stringify(' '.repeat(bytes))})).status;
	const mebibyte = 1024 * 1024;
	const answers = [ask(7 * mebibyte - 100), ...Array.from({length: 2}, async () => ask(5.5 * mebibyte))];
	t.is(await answers[0], 429);
	const small = ask(100);
	finish();
	t.deepEqual(await Promise.all(answers.slice(1)), [200, 200]);
	t.is(await small, 200);
});

const startHealth = async (t: ExecutionContext, whyNotReady: () => string | undefined) => {
	const {port, close} = await listen(createHealthApp({whyNotReady}, pino({level: 'silent'})), {host: '127.0.0.1', port: 0});
	t.teardown(async () => close(0));
	return port;
};

test('livez always answers ok; readyz answers ok once the replica is ready', async t => {
	let reason: string | undefined = 'the ledger is not loaded yet';
	const port = await startHealth(t, () => reason);
	t.like(await send(port, {path: '/livez'}), {status: 200, body: 'ok'});
	t.like(await send(port, {path: '/readyz'}), {status: 503, body: 'the ledger is not loaded yet'});
	reason = undefined;
	t.like(await send(port, {path: '/readyz?verbose'}), {status: 200, body: 'ok'});
	t.like(await send(port, {path: '/readyz', method: 'HEAD'}), {status: 200, body: ''});
});

test('the health port serves no other paths and methods', async t => {
	const port = await startHealth(t, () => undefined);
	t.is((await send(port, {path: '/healthz'})).status, 404);
	t.is((await send(port, {path: '/mutate-pods', method: 'POST'})).status, 404);
	t.is((await send(port, {path: '/livez', method: 'POST'})).status, 405);
});

test('a health check that throws becomes a 500 response', async t => {
	const port = await startHealth(t, () => {
		throw new Error(secret);
	});
	t.like(await send(port, {path: '/readyz'}), {status: 500, body: 'internal error: see the log of the operator\n'});
});
