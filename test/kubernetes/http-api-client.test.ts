import type http from 'node:http';
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {ApiError} from '../../src/errors.ts';
import type {WatchEvent} from '../../src/kubernetes/api-client.ts';
import {HttpApiClient} from '../../src/kubernetes/http-api-client.ts';
import {fieldManager} from '../../src/ports/ledger-origin.ts';
import {collect} from '../helpers/collect.ts';
import {FakeClock} from '../helpers/fake-clock.ts';
import {startHttpsServer} from '../helpers/https-server.ts';
import type {RecordedRequest} from '../helpers/https-server.ts';
import {never} from '../helpers/no-ops.ts';

const setUp = async (t: ExecutionContext, answer: (response: http.ServerResponse, request: RecordedRequest) => void) => {
	const server = await startHttpsServer(t, answer);
	const clock = new FakeClock();
	const denied: string[] = [];
	const answers: string[] = [];
	const onAnswer = ({method, code, host}: {readonly method: string; readonly code: string; readonly host: string}) => answers.push(`${method} ${code} ${host}`);
	return {...server, clock, denied, answers, api: new HttpApiClient(server.connection, {clock, onDenied: message => denied.push(message), onAnswer})};
};

/** Waits, in real time, until the server has got the requests or the client has got bytes. */
const until = async (condition: () => boolean): Promise<void> => {
	while (!condition()) {
		await new Promise(resolve => {
			setTimeout(resolve, 1);
		});
	}
};

const json = (response: http.ServerResponse, body: unknown, status = 200, headers: http.OutgoingHttpHeaders = {}) => {
	response.writeHead(status, headers).end(JSON.stringify(body));
};

const swap = {metadata: {resourceVersion: '7'}, data: {'30558.tcp': 'x'}};

test('each method is one request, below the path of the server', async t => {
	const {api, requests} = await setUp(t, response => json(response, {ok: true}));
	t.deepEqual(await api.get('/a', {signal: never}), {ok: true});
	await api.get('/a', {signal: never, maybeStale: true});
	await api.create('/a', {kind: 'ConfigMap'}, {signal: never});
	await api.compareAndSwap('/a/b', swap, {signal: never});
	t.deepEqual(requests.map(({method, url, body}) => [method, url, body]), [
		['GET', '/prefix/a', ''],
		['GET', '/prefix/a?resourceVersion=0', ''],
		['POST', '/prefix/a', '{"kind":"ConfigMap"}'],
		['PATCH', '/prefix/a/b', JSON.stringify(swap)],
	]);
	t.deepEqual(requests.map(({headers}) => headers['content-type']), [undefined, undefined, 'application/json', 'application/strategic-merge-patch+json']);
	t.deepEqual(requests.map(({headers}) => headers['content-length']), [undefined, undefined, '20', String(JSON.stringify(swap).length)]);
	t.true(requests.every(({headers}) => headers.authorization === 'Bearer token' && headers['user-agent'] === fieldManager && headers.accept === 'application/json'));
});

test('each request is counted by its answer, also if none comes', async t => {
	const statuses = [200, 409, 0];
	const {api, answers, connection} = await setUp(t, response => {
		const status = statuses.shift();
		if (status) {
			json(response, {}, status);
		} else {
			response.destroy();
		}
	});
	await api.get('/a', {signal: never});
	await t.throwsAsync(api.compareAndSwap('/a', swap, {signal: never}), {instanceOf: ApiError});
	await t.throwsAsync(api.create('/a', {}, {signal: never}));
	const {host} = new URL(connection.server);
	t.deepEqual(answers, [`GET 200 ${host}`, `PATCH 409 ${host}`, `POST <error> ${host}`]);
});

test('metadata is asked for by the Accept header', async t => {
	const {api, requests} = await setUp(t, response => json(response, {}));
	await api.get('/a', {signal: never, metadataOnly: true});
	await api.get('/a', {signal: never, metadataOnly: 'list'});
	await api.create('/a', {}, {signal: never, metadataOnly: true});
	await api.compareAndSwap('/a', swap, {signal: never, metadataOnly: true});
	const one = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
	t.deepEqual(requests.map(({headers}) => headers.accept), [one, 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1', one, one]);
});

for (const [status, isAnswered] of [[404, true], [409, true], [400, false], [401, false], [403, false], [410, false], [413, false], [422, false], [429, false], [500, false], [503, false]] as const) {
	test(`tryCompareAndSwap ${isAnswered ? 'answers undefined' : 'throws'} for ${status}`, async t => {
		const {api} = await setUp(t, response => json(response, {kind: 'Status', message: 'no'}, status));
		const swapping = api.tryCompareAndSwap('/a', swap, {signal: never});
		await (isAnswered ? t.notThrowsAsync(swapping) : t.throwsAsync(swapping, {instanceOf: ApiError, message: `PATCH /a: ${status} no`}));
	});
}

test('every status but 2xx is an error with the message of the API server', async t => {
	const {api, denied} = await setUp(t, (response, {url = ''}) => json(response, {message: `no ${url}`}, Number(url.slice(-3))));
	for (const status of [300, 404, 500]) {
		const error = await t.throwsAsync<ApiError>(api.get(`/${status}`, {signal: never}), {instanceOf: ApiError});
		t.is(error.status, status);
	}

	t.deepEqual(await api.get('/200', {signal: never}), {message: 'no /prefix/200'});
	t.deepEqual(await api.get('/201', {signal: never}), {message: 'no /prefix/201'});
	t.deepEqual(denied, []);
	await t.throwsAsync(api.get('/403', {signal: never}), {message: 'GET /403: 403 no /prefix/403'});
	t.deepEqual(denied, ['GET /403: 403 no /prefix/403']);
});

test('an error that is not from an API server is cut short', async t => {
	const {api} = await setUp(t, response => response.writeHead(502).end(`<html>${'x'.repeat(10_000)}`));
	await t.throwsAsync(api.get('/a?limit=1', {signal: never}), {message: `GET /a: 502 <html>${'x'.repeat(294)}`});
});

test('an error says how long the API server asks to wait', async t => {
	const {api} = await setUp(t, (response, {url}) => json(response, {message: 'no'}, 429, url === '/prefix/a' ? {'retry-after': '7'} : {}));
	t.is((await t.throwsAsync<ApiError>(api.get('/a', {signal: never}))).retryAfterMs, 7000);
	t.is((await t.throwsAsync<ApiError>(api.get('/b', {signal: never}))).retryAfterMs, 0);
});

test('every answer tells how the clocks differ', async t => {
	const {api, clock} = await setUp(t, (response, {url}) => json(response, {}, url === '/prefix/a' ? 200 : 404, {date: new Date(clock.date().getTime() + (url === '/prefix/a' ? 400_000 : -500_000)).toUTCString()}));
	t.is(api.clockSkewMs, 0);
	await api.get('/a', {signal: never});
	t.true(api.clockSkewMs <= -399_000 && api.clockSkewMs >= -401_000, String(api.clockSkewMs));
	await t.throwsAsync(api.get('/b', {signal: never}));
	t.true(api.clockSkewMs >= 498_000 && api.clockSkewMs <= 501_000, String(api.clockSkewMs));
});

for (const [title, answer] of [
	['no answer comes', () => {}],
	['an answer breaks off in the middle', (response: http.ServerResponse) => response.writeHead(200, {'content-length': 100}).write('{')],
] as const) {
	test(`a request ends after 15 s when ${title}`, async t => {
		const {api, clock, requests} = await setUp(t, response => {
			answer(response);
		});
		const reading = api.get('/a', {signal: never});
		await until(() => requests.length === 1);
		await clock.advance(14_999);
		t.true(await clock.isPending(reading));
		const rejected = t.throwsAsync(reading, {name: 'TimeoutError', message: 'the API server did not answer within 15 s'});
		await clock.advance(1);
		await rejected;
	});
}

test('a request ends after 15 s when a credential plugin hangs', async t => {
	const {connection, requests} = await startHttpsServer(t, response => json(response, {}));
	const clock = new FakeClock();
	const api = new HttpApiClient({...connection, authorization: async () => new Promise(() => {})}, {clock});
	const rejected = t.throwsAsync(api.get('/a', {signal: never}), {name: 'TimeoutError'});
	await clock.advance(15_000);
	await rejected;
	t.deepEqual(requests, []);
});

test('an answered request leaves no timer', async t => {
	const {api, clock} = await setUp(t, (response, {url}) => json(response, {}, url === '/prefix/a' ? 200 : 500));
	await api.get('/a', {signal: never});
	await t.throwsAsync(api.get('/b', {signal: never}));
	await clock.settle();
	t.is(clock.waits, 0);
});

test('a request ends with the reason of its signal', async t => {
	const {api, requests} = await setUp(t, () => {});
	const stop = new AbortController();
	const reading = api.get('/a', {signal: stop.signal});
	await until(() => requests.length === 1);
	const reason = new Error('the deadline is spent');
	stop.abort(reason);
	await t.throwsAsync(reading, {is: reason});
	await t.throwsAsync(api.get('/b', {signal: stop.signal}), {is: reason});
	t.is(requests.length, 1);
});

const line = (type: string, name: string) => `${JSON.stringify({type, object: {metadata: {name}}})}\n`;

test('a watch yields its events, and ends with the answer', async t => {
	const {api, requests} = await setUp(t, response => response.end(line('ADDED', 'a') + line('DELETED', 'b')));
	const events = await collect(api.watch<{metadata: {name: string}}>('/a?resourceVersion=1', {signal: never, timeoutSeconds: 300, metadataOnly: true}));
	t.deepEqual(events.map(({type, object}) => [type, object.metadata.name]), [['ADDED', 'a'], ['DELETED', 'b']]);
	t.is(requests[0]?.url, '/prefix/a?resourceVersion=1&watch=true&timeoutSeconds=300');
	t.is(requests[0]?.headers.accept, 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1');
});

test('a watch asks for whole objects unless told otherwise', async t => {
	const {api, requests} = await setUp(t, response => response.end());
	await collect(api.watch('/a?x', {signal: never, timeoutSeconds: 300}));
	t.is(requests[0]?.headers.accept, 'application/json');
});

test('an ERROR event of a watch is thrown', async t => {
	const {api} = await setUp(t, (response, {url = ''}) => {
		response.end(line('ADDED', 'a') + JSON.stringify({type: 'ERROR', object: {kind: 'Status', message: 'too old', ...(url.startsWith('/prefix/a') && {code: 410})}}) + '\n' + line('ADDED', 'b'));
	});
	for (const [path, status] of [['/a?x', 410], ['/b?x', 500]] as const) {
		const events: Array<WatchEvent<unknown>> = [];
		const watching = async () => {
			for await (const event of api.watch(path, {signal: never, timeoutSeconds: 300})) {
				events.push(event);
			}
		};

		const error = await t.throwsAsync<ApiError>(watching(), {instanceOf: ApiError});
		t.is(error.status, status);
		t.true(error.message.endsWith('too old'));
		t.is(events.length, 1);
	}
});

test('a watch that is refused throws like any request', async t => {
	const {api, denied} = await setUp(t, response => json(response, {message: 'no'}, 403, {'retry-after': '3'}));
	const error = await t.throwsAsync<ApiError>(collect(api.watch('/a?x', {signal: never, timeoutSeconds: 300})), {instanceOf: ApiError});
	t.is(error.retryAfterMs, 3000);
	t.is(denied.length, 1);
});

for (const [title, answer] of [
	['that is never answered', () => {}],
	['that falls silent', (response: http.ServerResponse) => response.write(line('ADDED', 'a'))],
] as const) {
	test(`a watch ${title} ends 15 s after the time that the API server was given`, async t => {
		const {api, clock, requests} = await setUp(t, response => {
			answer(response);
		});
		const watching = collect(api.watch('/a?x', {signal: never, timeoutSeconds: 300}));
		const rejected = t.throwsAsync(watching, title === 'that is never answered' ? {name: 'TimeoutError'} : {message: 'aborted'});
		await until(() => requests.length === 1);
		await clock.advance(314_999);
		t.true(await clock.isPending(watching));
		await clock.advance(1);
		await rejected;
	});
}

test('a watch that is left closes its connection', async t => {
	let isClosed = false;
	const {api} = await setUp(t, response => {
		response.once('close', () => {
			isClosed = true;
		});
		response.write(line('ADDED', 'a'));
	});
	for await (const {type} of api.watch('/a?x', {signal: never, timeoutSeconds: 300})) {
		t.is(type, 'ADDED');
		break;
	}

	await until(() => isClosed);
	t.true(isClosed);
});
