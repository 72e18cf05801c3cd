/** The cluster of one run: an API server, replicas of the operator, a workload, and the faults. */
import {createReplica} from '../../../src/replica.ts';
import type {ReplicaOptions} from '../../../src/replica.ts';
import {ApiServer} from '../../../harness/in-memory-api/api-server.ts';
import type {Stored} from '../../../harness/in-memory-api/kinds.ts';
import {noFaults, someFaults} from '../faults/fault-rates.ts';
import type {FaultRates} from '../faults/fault-rates.ts';
import {InvariantChecks} from '../checks/invariant-checks.ts';
import type {Violation} from '../checks/invariants.ts';
import {EventLog} from './event-log.ts';
import {FaultInjector} from '../faults/fault-injector.ts';
import {createManualEdits} from '../faults/manual-edits.ts';
import {PodCreation} from './pod-creation.ts';
import type {PageFault} from './replica-network.ts';
import type {ContestedRange} from './pod-kinds.ts';
import {podNamespace} from './pod-kinds.ts';
import {Random} from './random.ts';
import {SimulatedReplica} from './simulated-replica.ts';
import {Scheduler} from './scheduler.ts';
import {themeOf} from '../faults/themes.ts';
import type {Theme} from '../faults/themes.ts';
import {createPreviousReplica} from '../variants/previous-release.ts';
import {Workload} from './workload.ts';

export type WorldOptions = {
	readonly seed: number;
	/** Replaces the theme that the seed selects. */
	readonly theme?: Theme | undefined;
	/** Receives a line for every event. */
	readonly show?: ((line: string) => void) | undefined;
};

const namespace = 'operators';

/** A replica with a fast clock holds entries shorter by up to this fraction: twice the largest error in `SimulatedProcess`. */
const clockTolerance = 0.004;

/** How long after its last failure plans may leave a page out, with a margin. */
const leftOutMs = 15_000;

export class World {
	readonly scheduler = new Scheduler();
	readonly random: Random;
	readonly eventLog: EventLog;
	readonly server: ApiServer;
	readonly invariants: InvariantChecks;
	readonly creation: PodCreation;
	readonly workload: Workload;
	readonly contested: ContestedRange;
	readonly requestTimeoutMs: number;
	readonly violations: Violation[] = [];
	/** All processes that have not ended, ready or not. */
	readonly replicas = new Set<SimulatedReplica>();
	readonly spanMs: number;
	/** Port numbers in a page. */
	readonly #blockSize: number;
	readonly theme: Theme | undefined;
	faults: FaultRates;
	/** Requests that fail at present for one page alone, by the page's first port. */
	readonly failingPages = new Map<number, PageFault>();
	/** When the failure of each page ended; Infinity while it lasts. */
	readonly failedAt = new Map<number, number>();
	readonly #faultInjector: FaultInjector;
	/** The share of replicas that run the previous release: none or half. */
	readonly #shareBefore: number;
	#processes = 0;

	constructor({seed, theme = themeOf(seed), show}: WorldOptions) {
		const random = new Random(seed);
		this.theme = theme;
		const {scheduler} = this;
		const now = () => scheduler.now;
		this.random = random;
		this.eventLog = new EventLog(now, show);
		this.server = new ApiServer({now, random: random.next});
		this.requestTimeoutMs = theme ? 10_000 : random.pick([10_000, 10_000, 20_000, 60_000]);
		this.#shareBefore = theme?.shareBefore ?? (random.chance(0.3) ? 0.5 : 0);
		this.spanMs = theme ? theme.spanMs ?? random.between(60_000, 120_000) : random.between(60_000, 300_000);
		this.contested = {first: 31_000, last: 31_000 + (theme?.ports ?? random.integer(60, 400)), own: theme?.ownPorts ?? 0.15};
		this.faults = theme ? {...noFaults, ...theme.faults} : someFaults(random);
		const isPunctual = this.faults.slow === 0 && this.faults.pauses === 0;
		this.#blockSize = theme?.blockSize ?? random.pick([16, 50, 100]);
		this.invariants = new InvariantChecks({
			now,
			blockSize: this.#blockSize,
			holdMs: 2 * this.requestTimeoutMs * (1 - clockTolerance),
			...(theme?.rejectedPods !== undefined && {heldRange: this.contested}),
			isPunctual,
			failingPages: () => new Set([...this.failedAt].filter(([, at]) => at + leftOutMs > now()).map(([first]) => first)),
			isQuick: isPunctual && (['slowReads', 'slowLists', 'requestLost', 'answerLost'] as const).every(fault => this.faults[fault] === 0),
			onViolation: violation => {
				this.eventLog.write(`VIOLATION ${violation.invariant}: ${violation.detail}`);
				this.violations.push(violation);
			},
		});
		const {server, eventLog, invariants, contested, requestTimeoutMs} = this;
		const common = {server, scheduler, random, eventLog, invariants, contested, faults: () => this.faults};
		this.creation = new PodCreation({...common, requestTimeoutMs, replicas: () => this.serving});
		this.workload = new Workload({...common, creation: this.creation, lifecycles: random.integer(200, 220), spanMs: this.spanMs, theme});
		this.#faultInjector = new FaultInjector(this, createManualEdits({...common, namespace}));
		server.subscribe(change => {
			invariants.objectChanged(change);
			this.#faultInjector.afterWrite(change);
		});
		for (const name of [namespace, podNamespace]) {
			server.handle({method: 'POST', path: '/api/v1/namespaces', body: {metadata: {name}}});
		}

		if (random.chance(0.8)) {
			this.#makeLedger();
		}
	}

	/** Those that the webhook's Service routes to. */
	get serving(): readonly SimulatedReplica[] {
		return [...this.replicas].filter(({isServing}) => isServing);
	}

	get ledgerLease(): Stored | undefined {
		return this.server.find('Lease', 'hostport-ledger', namespace);
	}

	/** Starts replicas, Pods and faults. */
	start(): void {
		const {random, scheduler} = this;
		const replicas = random.integer(2, 5);
		for (let count = 0; count < replicas; count++) {
			scheduler.at(random.between(0, 300), () => this.startReplica());
		}

		scheduler.at(1000, () => this.workload.start());
		this.#faultInjector.schedule();
	}

	/** Ends all faults and the workload. Paused replicas go on. */
	endFaults(): void {
		this.eventLog.write('from now on nothing goes wrong');
		this.faults = noFaults;
		this.failingPages.clear();
		this.server.longestPage = Infinity;
		this.workload.end();
		for (const replica of this.replicas) {
			replica.process.resume();
		}
	}

	startReplica(): SimulatedReplica {
		const {server, scheduler, random, eventLog} = this;
		this.#processes += 1;
		const create = random.chance(this.#shareBefore) ? createPreviousReplica : createReplica;
		const name = `replica-${this.#processes}${create === createReplica ? '' : '-before'}`;
		const replica = new SimulatedReplica({server, scheduler, random, eventLog, faults: () => this.faults, failingPages: this.failingPages, config: this.#config(), blockSize: this.#blockSize, create, name});
		this.replicas.add(replica);
		return replica;
	}

	kill(replica: SimulatedReplica): void {
		replica.kill();
		this.replicas.delete(replica);
	}

	/** Replicas may differ in every option except the API server's request timeout. */
	#config(): ReplicaOptions['config'] {
		const {random, requestTimeoutMs, contested, theme} = this;
		const first = random.integer(1024, contested.first);
		return {
			namespace,
			portRange: theme?.rejectedPods === undefined ? [{first, last: 32_767}] : [contested, {first: contested.last + 1, last: 32_767}],
			excludePorts: [],
			maxPortsPerPod: 128,
			podSecurityCheck: 'warn',
			nodePortRange: [],
			maxHeldPortsPerNamespace: undefined,
			leaseDuration: theme?.leaseDuration ?? random.pick([3, 3, 3, 2, 5]),
			leaseIdle: random.pick([50, 50, 0, 500]),
			holdTime: random.chance(0.2) ? random.between(2, 3) * requestTimeoutMs : 1000,
			apiRequestTimeout: requestTimeoutMs,
		};
	}

	/** The empty ledger of an earlier installation. */
	#makeLedger(): void {
		this.server.handle({method: 'POST', path: `/api/v1/namespaces/${namespace}/configmaps`, body: {
			metadata: {name: 'hostport-ledger', labels: {'hostport.io/ledger': 'index'}, annotations: {'hostport.io/schema-version': '1'}},
			data: {pages: ''},
		}});
	}
}
