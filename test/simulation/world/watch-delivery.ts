/** How the events of a watch reach a replica: late, and with the faults of the run. */
import type {ApiRequest} from '../../../harness/in-memory-api/answers.ts';
import type {ApiServer} from '../../../harness/in-memory-api/api-server.ts';
import type {WatchedEvent} from '../../../harness/in-memory-api/watch.ts';
import type {FaultRates} from '../faults/fault-rates.ts';
import type {Random} from './random.ts';
import type {Scheduler} from './scheduler.ts';
import {timeoutError} from './simulated-process.ts';
import type {SimulatedProcess} from './simulated-process.ts';

export type DeliveryOptions = {
	readonly server: ApiServer;
	readonly scheduler: Scheduler;
	readonly process: SimulatedProcess;
	readonly random: Random;
	readonly faults: () => FaultRates;
	/** Chooses the time that a message takes, milliseconds. */
	readonly delay: () => number;
};

/** The timeout of the product's own client: for a request, and for a watch after its own end. */
export const requestTimeoutMs = 15_000;

/** Delivers the events of a watch in order, each after the connection's delay, unless a fault changes that. Returns the function that ends it. */
export const deliverEvents = (watched: Pick<ApiRequest, 'path' | 'accept'>, timeoutSeconds: number, arrivals: Arrivals, {server, scheduler, process, random, faults, delay}: DeliveryOptions): (() => void) => {
	const seen: WatchedEvent[] = [];
	let isStalled = false;
	let lastArrival = 0;
	const arrive = (event: Arrival) => {
		lastArrival = Math.max(lastArrival, scheduler.now + delay());
		process.later(lastArrival - scheduler.now, () => arrivals.add(event));
	};

	const ending = [
		server.watch(watched, event => {
			const {watchStall, watchDuplicate, watchGap, watchRewind, watchReset} = faults();
			isStalled ||= random.chance(watchStall);
			if (isStalled) {
				return;
			}

			if (random.chance(watchReset)) {
				arrive(connectionError());
				return;
			}

			seen.push(event);
			const times = (random.chance(watchGap) ? 0 : 1) + (random.chance(watchDuplicate) ? 1 : 0);
			for (const next of [...Array.from({length: times}, () => event), ...(random.chance(watchRewind) ? [random.pick(seen)] : [])]) {
				arrive(next);
			}
		}),
		scheduler.after(timeoutSeconds * 1000, () => {
			if (!isStalled) {
				arrive('end');
			}
		}),
		process.later(timeoutSeconds * 1000 + requestTimeoutMs, () => arrivals.add(timeoutError)),
	];
	return () => {
		for (const end of ending) {
			end();
		}
	};
};

type Arrival = WatchedEvent | Error | 'end';

/** Events of a watch that have arrived and wait to be read. */
export class Arrivals {
	readonly #waiting: Arrival[] = [];
	#happened = Promise.withResolvers<void>();

	add(arrival: Arrival): void {
		this.#waiting.push(arrival);
		this.#happened.resolve();
	}

	async next(): Promise<Arrival> {
		for (;;) {
			const first = this.#waiting.shift();
			if (first) {
				return first;
			}

			this.#happened = Promise.withResolvers();
			await this.#happened.promise;
		}
	}
}

export const connectionError = (): Error => Object.assign(new Error('socket hang up'), {code: 'ECONNRESET'});
