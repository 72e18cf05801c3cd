/**
 * A TCP proxy on loopback that resets connections at the worst moment: before a request has arrived, or after the server has
 * carried it out, before its answer arrives. It sees only TLS, and that is enough: on an HTTP/1.1 connection the server's bytes
 * after a request are the answer to it.
 */
import {once} from 'node:events';
import {connect, createServer, type AddressInfo, type Socket} from 'node:net';

/** `lose request`: the server never sees the request. `lose answer`: the server has carried out the request. In both cases the client is reset. */
export type Fault = 'lose request' | 'lose answer';

export type FaultProxyOptions = {
	/** On 127.0.0.1. */
	readonly targetPort: number;
	/** Called at the start of each exchange, except for those of the handshake. */
	readonly chooseFault: () => Fault | undefined;
};

export type FaultProxy = AsyncDisposable & {
	readonly port: number;
	/** How often each fault has happened so far. */
	readonly counts: Readonly<Record<Fault, number>>;
	/** Resets all connections, and returns how many there were. */
	readonly resetAll: () => number;
};

/**
 * A connection's first exchange holds the TLS hellos, its second the client's certificate and first request. In the second the
 * server may send TLS 1.3 session tickets before the answer, so faults start with the third.
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

/** Passes bytes through until a fault is planned. An exchange starts when the client sends after the server has sent. */
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
