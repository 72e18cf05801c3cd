/**
 * A TCP balancer on loopback, in place of kube-proxy for replicas that are processes of this machine. Each connection goes to
 * the next target that accepts it. If none does, the client's connection is reset.
 */
import {once} from 'node:events';
import {connect, createServer, type AddressInfo, type Socket} from 'node:net';

export type Target = {
	readonly host: string;
	readonly port: number;
};

export type BalancerOptions = {
	/** Called for each connection, so that targets may come and go. */
	readonly targets: () => readonly Target[];
	/** True: a client's connections go to the same target as long as it accepts them, as with a Service's `sessionAffinity: ClientIP`. */
	readonly affinity?: boolean;
	/** Default: any free port. */
	readonly port?: number;
};

export type Balancer = AsyncDisposable & {
	readonly port: number;
	/** Closes every connection and the port. */
	readonly stop: () => Promise<void>;
};

export const startBalancer = async ({targets, affinity = false, port = 0}: BalancerOptions): Promise<Balancer> => {
	const clients = new Set<Socket>();
	let turn = 0;
	const chosen = new Map<string | undefined, Target>();
	// Half-open: a side that has ended can still receive. Paused: bytes wait until a target has accepted.
	const server = createServer({allowHalfOpen: true, pauseOnConnect: true, noDelay: true}, client => {
		clients.add(client);
		// Without a listener an error would end this process. 'close' follows in any case.
		client.on('error', () => {});
		client.on('close', () => {
			clients.delete(client);
		});
		const candidates = targets();
		const first = turn++ % Math.max(candidates.length, 1);
		const inTurn = [...candidates.slice(first), ...candidates.slice(0, first)];
		const {remoteAddress} = client;
		const last = affinity ? chosen.get(remoteAddress) : undefined;
		const isLast = ({host, port}: Target) => host === last?.host && port === last.port;
		forward(client, inTurn.toSorted((a, b) => Number(isLast(b)) - Number(isLast(a))), target => chosen.set(remoteAddress, target));
	});
	server.listen(port, '127.0.0.1');
	await once(server, 'listening');

	const stop = async (): Promise<void> => {
		if (!server.listening) {
			return;
		}

		const closed = once(server, 'close');
		server.close();
		for (const client of clients) {
			client.destroy();
		}

		await closed;
	};

	return {port: (server.address() as AddressInfo).port, stop, [Symbol.asyncDispose]: stop};
};

/** Connects the client to the first target that accepts. */
const forward = (client: Socket, [target, ...others]: readonly Target[], onJoined: (target: Target) => void): void => {
	if (!target || client.destroyed) {
		client.resetAndDestroy();
		return;
	}

	const upstream = connect({...target, allowHalfOpen: true, noDelay: true});
	const giveUp = () => {
		upstream.destroy();
	};

	const tryNext = () => {
		client.off('close', giveUp);
		forward(client, others, onJoined);
	};

	client.once('close', giveUp);
	upstream.once('error', tryNext);
	upstream.once('connect', () => {
		client.off('close', giveUp);
		upstream.off('error', tryNext);
		onJoined(target);
		join(client, upstream);
	});
};

/** Passes bytes, ends and backpressure through, and an error of one side on to the other. */
const join = (client: Socket, upstream: Socket): void => {
	for (const [here, there] of [[client, upstream], [upstream, client]] as const) {
		here.pipe(there);
		here.on('error', () => {
			there.resetAndDestroy();
		});
		here.on('close', () => {
			// After an orderly end the other side may still be sending.
			if (!here.readableEnded || !here.writableFinished) {
				there.destroy();
			}
		});
	}
};
