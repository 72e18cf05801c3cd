/** Replicas' locks on one Lease, against an API server in memory and on a clock that the test controls. */
import type {ExecutionContext} from 'ava';
import {pino} from 'pino';
import {createMetrics} from '../../src/metrics.ts';
import {LeaseLock} from '../../src/lease/lease-lock.ts';
import type {Tenure} from '../../src/lease/lease-lock.ts';
import {ClusterInMemory} from './cluster-in-memory.ts';
import {FakeClock} from './fake-clock.ts';
import {LeaseClient, LeaseInMemory} from './lease-in-memory.ts';

const durationSeconds = 3;
export const durationMs = durationSeconds * 1000;
export const idleMs = 50;
export const never = new AbortController().signal;

/** The locks that `start` makes are stopped when the test ends. */
export const setUp = (t: ExecutionContext, {eager = false} = {}) => {
	const clock = new FakeClock();
	const cluster = new ClusterInMemory(clock);
	const server = new LeaseInMemory(cluster);
	const start = (identity: string) => {
		const client = new LeaseClient(cluster, identity);
		const logged: string[] = [];
		const logger = pino({level: 'warn'}, {write: line => logged.push((JSON.parse(line) as {msg: string}).msg)});
		const metrics = createMetrics();
		const lock = new LeaseLock({api: client, clock, logger, namespace: 'operators', name: 'hostport-ledger', identity, durationSeconds, idleMs, rereadMs: 1000, eager, metrics});
		const stopping = new AbortController();
		const running = lock.run(stopping.signal);
		const stop = async () => {
			stopping.abort(new Error('stopping'));
			await clock.until(running);
		};

		t.teardown(stop);
		return {
			lock,
			client,
			metrics,
			/** The messages of its warnings. */
			logged,
			stopping,
			running,
			stop,
			request: async (signal: AbortSignal = never): Promise<Tenure> => lock.acquire(signal),
			/** Lets time pass until the request is granted. */
			acquire: async (): Promise<Tenure> => clock.until(lock.acquire(never)),
		};
	};

	return {clock, server, start};
};
