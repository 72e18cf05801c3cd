import {once} from 'node:events';
import {connect, createServer, type AddressInfo, type Socket} from 'node:net';
import {text} from 'node:stream/consumers';
import test, {type ExecutionContext} from 'ava';
import {startBalancer, type Target} from '../../harness/balancer.ts';
import {findFreePorts} from '../../harness/control-plane/free-ports.ts';

const listen = async (t: ExecutionContext, onConnection: (socket: Socket) => void): Promise<Target> => {
	const sockets = new Set<Socket>();
	const server = createServer({allowHalfOpen: true}, socket => {
		sockets.add(socket);
		socket.on('error', () => {});
		onConnection(socket);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.teardown(() => {
		for (const socket of sockets) {
			socket.destroy();
		}

		server.close();
	});
	return {host: '127.0.0.1', port: (server.address() as AddressInfo).port};
};

/** Sends its name and ends the connection. */
const listenAs = async (t: ExecutionContext, name: string) => listen(t, socket => socket.end(name));

const deadTarget = async (): Promise<Target> => {
	const [port = 0] = await findFreePorts(1);
	return {host: '127.0.0.1', port};
};

const balance = async (t: ExecutionContext, targets: () => readonly Target[], affinity = false) => {
	const balancer = await startBalancer({targets, affinity});
	t.teardown(balancer.stop);
	return balancer;
};

const open = (t: ExecutionContext, port: number): Socket => {
	const socket = connect({port, host: '127.0.0.1', allowHalfOpen: true});
	t.teardown(() => socket.destroy());
	return socket;
};

/** Connects, sends nothing and returns what it receives. */
const listenTo = async (t: ExecutionContext, port: number): Promise<string> => text(open(t, port).end());

test('connections go to the targets in turn', async t => {
	const targets = await Promise.all(['a', 'b', 'c'].map(async name => listenAs(t, name)));
	const {port} = await balance(t, () => targets);
	const answers: string[] = [];
	for (let index = 0; index < 6; index++) {
		answers.push(await listenTo(t, port));
	}

	t.deepEqual(answers, ['a', 'b', 'c', 'a', 'b', 'c']);
});

test('with affinity connections stay with a target as long as it is there', async t => {
	let targets = [await listenAs(t, 'a'), await listenAs(t, 'b'), await listenAs(t, 'c')];
	const {port} = await balance(t, () => targets, true);
	const first = await listenTo(t, port);
	for (let count = 0; count < 5; count++) {
		t.is(await listenTo(t, port), first);
	}

	targets = targets.filter((_, index) => 'abc'[index] !== first);
	const second = await listenTo(t, port);
	t.not(second, first);
	t.is(await listenTo(t, port), second);
});

test('a dead target is skipped', async t => {
	const targets = [await deadTarget(), await listenAs(t, 'alive'), await deadTarget()];
	const {port} = await balance(t, () => targets);
	for (let index = 0; index < 3; index++) {
		t.is(await listenTo(t, port), 'alive');
	}
});

test('targets may change while it runs', async t => {
	let targets = [await listenAs(t, 'old')];
	const {port} = await balance(t, () => targets);
	t.is(await listenTo(t, port), 'old');
	targets = [await listenAs(t, 'new')];
	t.is(await listenTo(t, port), 'new');
});

for (const [what, count] of [['every target is dead', 2], ['there is no target', 0]] as const) {
	test(`the client is reset when ${what}`, async t => {
		const targets = await Promise.all(Array.from({length: count}, async () => deadTarget()));
		const {port} = await balance(t, () => targets);
		const [error] = await once(open(t, port), 'error').catch((error: unknown) => [error]) as [NodeJS.ErrnoException];
		t.is(error.code, 'ECONNRESET');
	});
}

test('a side that has ended can still receive', async t => {
	const target = await listen(t, socket => {
		void text(socket).then(heard => socket.end(`echo ${heard}`));
	});
	const {port} = await balance(t, () => [target]);
	t.is(await text(open(t, port).end('hello')), 'echo hello');
});

test('megabytes pass unchanged', async t => {
	const target = await listen(t, socket => socket.pipe(socket));
	const {port} = await balance(t, () => [target]);
	const sent = 'x'.repeat(8 * 1024 * 1024);
	t.is((await text(open(t, port).end(sent))).length, sent.length);
});

test('a reset passes from the target to the client', async t => {
	const target = await listen(t, socket => socket.once('data', () => socket.resetAndDestroy()));
	const {port} = await balance(t, () => [target]);
	const client = open(t, port);
	client.write('hello');
	const [error] = await once(client, 'close').catch((error: unknown) => [error]) as [NodeJS.ErrnoException];
	t.is(error.code, 'ECONNRESET');
});

test('a reset passes from the client to the target', async t => {
	const reached = Promise.withResolvers<Socket>();
	const target = await listen(t, reached.resolve);
	const {port} = await balance(t, () => [target]);
	const client = open(t, port);
	client.write('hello');
	const socket = await reached.promise;
	await once(socket, 'data');
	client.resetAndDestroy();
	const [error] = await once(socket, 'error') as [NodeJS.ErrnoException];
	t.is(error.code, 'ECONNRESET');
});

test('stop closes the connections and the port', async t => {
	const target = await listen(t, socket => socket.write('hello'));
	const balancer = await balance(t, () => [target]);
	const client = open(t, balancer.port);
	await once(client, 'data');
	const ended = once(client, 'end');
	await balancer.stop();
	await ended;
	await balancer.stop();
	const [error] = await once(open(t, balancer.port), 'error') as [NodeJS.ErrnoException];
	t.is(error.code, 'ECONNREFUSED');
});
