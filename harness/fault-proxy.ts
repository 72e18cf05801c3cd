/**
 * A TCP proxy on loopback that breaks connections at the worst moment: before a request has arrived, or when it has been
 * carried out and its answer is on the way. It sees TLS only, and needs no more: on a connection of HTTP/1.1 one request
 * follows the other, so what the server sends after a request's bytes is its answer.
 */
import {once} from 'node:events';
import {connect, createServer, type AddressInfo, type Socket} from 'node:net';

/** `lose request`: the server never sees it. `lose answer`: the server has carried it out, and the client is reset. */
export type Fault = 'lose request' | 'lose answer';

export type FaultProxyOptions = {
	/** On 127.0.0.1. */
	readonly targetPort: number;
	/** Asked at the beginning of each exchange, except for those of the handshake. */
	readonly chooseFault: () => Fault | undefined;
};

export type FaultProxy = AsyncDisposable & {
	readonly port: number;
	/** How many exchanges have met with each fault so far. */
	readonly counts: Readonly<Record<Fault, number>>;
	/** Resets all connections at once, and returns how many there were. */
	readonly resetAll: () => number;
};

/**
 * The first two exchanges of a connection are the hellos, and the client's certificate together with its first request: what
 * the server sends then may be the session tickets of TLS 1.3 and not yet the answer.
 */
const handshakeExchanges = 2;

export const startFaultProxy = async ({targetPort, chooseFault}: FaultProxyOptions): Promise<FaultProxy> => {
	const connections = new Set<() => void>();
	const counts = {'lose request': 0, 'lose answer': 0};
	const server = createServer({noDelay: true}, client => {
		const upstream = connect({host: '127.0.0.1', port: targetPort, noDelay: true});
		const reset = () => {
			client.resetAndDestroy();
			upstream.resetAndDestroy();
		};

		connections.add(reset);
		for (const [here, there] of [[client, upstream], [upstream, client]] as const) {
			here.on('error', reset);
			here.on('end', () => there.end());
			here.on('close', () => {
				connections.delete(reset);
				there.destroy();
			});
		}

		join(client, upstream, () => {
			const fault = chooseFault();
			return fault && {fault, strike() {
				counts[fault]++;
				reset();
			}};
		});
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');

	const resetAll = () => {
		const count = connections.size;
		for (const reset of connections) {
			reset();
		}

		return count;
	};

	return {
		port: (server.address() as AddressInfo).port,
		counts,
		resetAll,
		async [Symbol.asyncDispose]() {
			const closed = once(server, 'close');
			server.close();
			resetAll();
			await closed;
		},
	};
};

type Plan = {readonly fault: Fault; readonly strike: () => void};

/** An exchange begins with the first bytes of the client after some of the server. */
const join = (client: Socket, upstream: Socket, planFault: () => Plan | undefined): void => {
	let exchanges = 0;
	let lastToSpeak: Socket = upstream;
	let plan: Plan | undefined;
	client.on('data', bytes => {
		if (lastToSpeak === upstream) {
			lastToSpeak = client;
			plan = ++exchanges > handshakeExchanges ? planFault() : undefined;
		}

		if (plan?.fault === 'lose request') {
			plan.strike();
		} else {
			upstream.write(bytes);
		}
	});
	upstream.on('data', bytes => {
		lastToSpeak = upstream;
		if (plan?.fault === 'lose answer') {
			plan.strike();
		} else {
			client.write(bytes);
		}
	});
};
