/** One replica: the product's own composition (`src/replica.ts`) on a simulated process, clock and network. */
import {pino} from 'pino';
import type {Logger} from 'pino';
import {createMetrics} from '../../../src/metrics.ts';
import type {createReplica, Replica, ReplicaOptions} from '../../../src/replica.ts';
import type {ApiServer} from '../../../harness/in-memory-api/api-server.ts';
import type {FaultRates} from '../faults/fault-rates.ts';
import type {EventLog} from './event-log.ts';
import {ReplicaNetwork} from './replica-network.ts';
import type {NetworkOptions} from './replica-network.ts';
import {SimulatedProcess} from './simulated-process.ts';
import type {Random} from './random.ts';
import type {Scheduler} from './scheduler.ts';

export type SimulatedReplicaOptions = {
	readonly server: ApiServer;
	readonly scheduler: Scheduler;
	readonly random: Random;
	readonly eventLog: EventLog;
	readonly faults: () => FaultRates;
	readonly failingPages: NetworkOptions['failingPages'];
	readonly config: ReplicaOptions['config'];
	/** Port numbers in a page. */
	readonly blockSize: number;
	/** From the release that this replica runs. */
	readonly create: typeof createReplica;
	/** Unique for each process. */
	readonly name: string;
};

const silent = pino({level: 'silent'});

export class SimulatedReplica {
	readonly name: string;
	readonly config: ReplicaOptions['config'];
	readonly process: SimulatedProcess;
	/** True from when it is ready until it is killed or stops. */
	isServing = false;
	readonly #replica: Replica;
	readonly #eventLog: EventLog;

	constructor({server, scheduler, random, eventLog, faults, failingPages, config, blockSize, create, name}: SimulatedReplicaOptions) {
		this.name = name;
		this.config = config;
		this.process = new SimulatedProcess(scheduler, random);
		this.#eventLog = eventLog;
		let claims = 0;
		this.#replica = create({
			api: new ReplicaNetwork({server, scheduler, process: this.process, random, eventLog, faults, failingPages, name}),
			clock: this.process.clock,
			random: random.next,
			mintClaim: () => `${name}-claim-${++claims}`,
			logger: eventLog.isShown ? shownLogger(eventLog, name) : silent,
			metrics: createMetrics(),
			identity: name,
			config,
			blockSize,
		});
		eventLog.write(`${name} starts`);
		void this.#start();
	}

	async mutatePod(body: unknown, signal: AbortSignal): ReturnType<Replica['mutatePod']> {
		return this.#replica.mutatePod(body, signal);
	}

	/** SIGKILL. */
	kill(): void {
		this.#eventLog.write(`${this.name} is killed`);
		this.isServing = false;
		this.process.kill();
	}

	/** SIGTERM: goes on serving for a moment, then releases its Leases and ends. */
	async stop(): Promise<void> {
		this.#eventLog.write(`${this.name} is told to stop`);
		await this.process.clock.sleep(5000, new AbortController().signal);
		this.isServing = false;
		// The product's listener waits until the last request is answered.
		await this.process.clock.sleep(10_000, new AbortController().signal);
		await this.#replica.stop();
		this.#eventLog.write(`${this.name} has stopped`);
		this.process.kill();
	}

	async #start(): Promise<void> {
		await this.#replica.load(new AbortController().signal);
		this.#replica.start();
		this.isServing = true;
		this.#eventLog.write(`${this.name} is ready`);
	}
}

/** Shows the replica's log lines among the events of the run. */
const shownLogger = (eventLog: EventLog, name: string): Logger => pino({level: 'debug', base: null, timestamp: false}, {
	write(line: string) {
		const {level, msg, err, ...rest} = JSON.parse(line) as {level: number; msg: string; err?: {message: string}};
		const details = Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : '';
		eventLog.remark(() => `    ${name} ${level >= 40 ? 'warns' : 'logs'}: ${msg}${err ? ` (${err.message})` : ''}${details}`);
	},
});
