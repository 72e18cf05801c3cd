/** A few hundred Pods, many in waves, from their creation to their end: what controllers, kubelets and users do. */
import type {ApiServer} from '../../../harness/in-memory-api/api-server.ts';
import type {Stored} from '../../../harness/in-memory-api/kinds.ts';
import type {PodRequest} from './pod-requests.ts';
import type {EventLog} from './event-log.ts';
import {foreignPod, ownedBy, podNamespace, rejectedNamespace, annotatedPod} from './pod-kinds.ts';
import type {ContestedRange} from './pod-kinds.ts';
import type {PodCreation} from './pod-creation.ts';
import type {PodManifest} from './pod-manifest.ts';
import type {Random} from './random.ts';
import type {Scheduler} from './scheduler.ts';
import type {Theme} from '../faults/themes.ts';

export type WorkloadOptions = {
	readonly server: ApiServer;
	readonly scheduler: Scheduler;
	readonly random: Random;
	readonly eventLog: EventLog;
	readonly creation: PodCreation;
	readonly contested: ContestedRange;
	/** How many Pods to create, stored or not. */
	readonly lifecycles: number;
	/** How long Pods are created. */
	readonly spanMs: number;
	readonly theme: Theme | undefined;
};

/** How often a controller tries to create a Pod before it is scaled down. */
const maxTries = 3;

export class Workload {
	readonly #options: WorkloadOptions;
	#serial = 0;
	/** How many Pods were wanted, each counted once however often its creation was tried. */
	wanted = 0;
	/** How many of these were stored. */
	stored = 0;
	#isOver = false;

	constructor(options: WorkloadOptions) {
		this.#options = options;
	}

	/** Schedules everything. */
	start(): void {
		const {random, scheduler, lifecycles, spanMs, theme} = this.#options;
		const waves = random.integer(3, 25);
		const times = Array.from({length: waves}, () => random.between(0, spanMs));
		for (let count = 0; count < lifecycles; count++) {
			const at = random.chance(theme?.inWaves ?? 0.7) ? random.pick(times) + random.between(0, 50) : random.between(0, spanMs);
			scheduler.at(at, () => void this.#podOfWorkload());
		}

		for (let count = theme?.foreignPods ?? random.integer(0, 12); count > 0; count--) {
			scheduler.at(random.between(0, spanMs), () => void this.#foreignPod());
		}

		for (let count = theme?.rejectedPods ?? 0; count > 0; count--) {
			scheduler.at(random.between(0, spanMs), () => void this.#rejectedPod());
		}

		for (let count = random.integer(0, 6); count > 0; count--) {
			scheduler.at(random.between(0, spanMs), () => void this.#dryRun());
		}

		for (let count = random.integer(0, 3); count > 0; count--) {
			scheduler.at(random.between(0, spanMs), () => void this.#service());
		}
	}

	/** From now on no Pod is created, changed or deleted. */
	end(): void {
		this.#isOver = true;
	}

	async #podOfWorkload(): Promise<void> {
		const {random, scheduler, creation, contested, theme} = this.#options;
		const {fixedNames = 0.4} = theme ?? {};
		this.wanted += 1;
		const kind = random.next();
		const fixed = kind < 0.75 * fixedNames ? `db-${random.integer(0, 7)}` : kind < fixedNames ? `bare-${random.integer(0, 4)}` : undefined;
		for (let tries = 0; tries < maxTries; tries++) {
			const owner = `rs-${++this.#serial}`;
			const metadata: Partial<PodManifest['metadata']> = fixed === undefined
				? {generateName: `${owner}-`, ownerReferences: ownedBy('ReplicaSet', owner), ...(random.chance(0.1) && {annotations: staleAnnotations})}
				: {name: fixed, ...(fixed.startsWith('db') && {ownerReferences: ownedBy('StatefulSet', 'db')})};
			const {status, body, request} = await creation.create(annotatedPod(random, contested, metadata));
			if (status === 201) {
				this.stored += 1;
				await this.#untilGone(body as Stored, request);
				break;
			}

			await scheduler.sleep(random.logarithmic(500, 20_000));
			if (this.#isOver) {
				break;
			}
		}
	}

	/** The life of a stored Pod: scheduled, perhaps edited by a user, then finished, terminating or deleted at once. */
	async #untilGone({metadata: {name, uid}}: Stored, request: PodRequest): Promise<void> {
		const {random, creation, theme} = this.#options;
		const path = `/api/v1/namespaces/${podNamespace}/pods/${name}`;
		await this.#step(random.between(1, 500));
		this.#change(path, uid, {spec: {nodeName: `worker-${random.integer(1, 3)}`}});
		if (random.chance(0.15)) {
			await this.#step(random.logarithmic(10, 30_000));
			this.#tamper(path, uid);
		}

		await this.#step(random.logarithmic(500, theme?.longestLifeMs ?? 150_000));
		const ending = random.next();
		if (ending < 0.2) {
			creation.ended(request);
			this.#change(path, uid, {status: {phase: random.pick(['Succeeded', 'Failed'])}});
			await this.#step(random.logarithmic(500, 60_000));
		} else if (ending < 0.8) {
			this.#change(path, uid, {metadata: {deletionTimestamp: '2026-11-22T10:00:00Z'}});
			await this.#step(random.logarithmic(50, 60_000));
		}

		creation.ended(request);
		this.#delete(path, uid);
	}

	/** Waits `ms`; for ever if the workload has ended by then, so that the Pod stays. */
	async #step(ms: number): Promise<void> {
		await this.#options.scheduler.sleep(ms);
		if (this.#isOver) {
			await new Promise(() => {});
		}
	}

	/** Removes the operator's label and annotations from a Pod, or forges an annotation. */
	#tamper(path: string, uid: string): void {
		const {server, random, contested} = this.#options;
		const annotations = Object.keys((server.handle({method: 'GET', path}).body as Stored).metadata?.annotations ?? {})
			.filter(name => name.startsWith('hostport.io/'));
		this.#change(path, uid, random.chance(0.5)
			? {metadata: {labels: {'hostport.io/managed': null}, annotations: Object.fromEntries(annotations.map(name => [name, null]))}}
			: {metadata: {labels: null, annotations: {'hostport.io/allocated-grpc': String(random.integer(contested.first, contested.last))}}});
	}

	async #foreignPod(): Promise<void> {
		const {random, creation, contested} = this.#options;
		const name = `foreign-${++this.#serial}`;
		const {status, body} = await creation.create(foreignPod(random, contested, name));
		if (status === 201) {
			await this.#step(random.logarithmic(1000, 100_000));
			this.#delete(`/api/v1/namespaces/${podNamespace}/pods/${name}`, (body as Stored).metadata.uid);
		}
	}

	async #rejectedPod(): Promise<void> {
		const {random, creation, contested} = this.#options;
		await creation.create(annotatedPod(random, contested, {namespace: rejectedNamespace, generateName: `rs-${++this.#serial}-`}));
	}

	async #dryRun(): Promise<void> {
		const {random, creation, contested} = this.#options;
		await creation.create(annotatedPod(random, contested, {name: `dry-${++this.#serial}`}), {dryRun: true});
	}

	async #service(): Promise<void> {
		const {random, server, contested} = this.#options;
		const path = `/api/v1/namespaces/${podNamespace}/services`;
		const name = `service-${++this.#serial}`;
		server.handle({method: 'POST', path, body: {metadata: {name}, spec: {ports: [{port: 80, nodePort: random.integer(contested.first, contested.last)}]}}});
		await this.#step(random.logarithmic(1000, 100_000));
		server.handle({method: 'DELETE', path: `${path}/${name}`});
	}

	#change(path: string, uid: string, body: object): void {
		const {server, eventLog} = this.#options;
		if ((server.handle({method: 'GET', path}).body as Stored).metadata.uid === uid) {
			const {status} = server.handle({method: 'PATCH', path, body, contentType: 'application/merge-patch+json'}, 'a kubelet or user');
			eventLog.write(`cluster: ${path} ${JSON.stringify(body)} ${status}`);
		}
	}

	#delete(path: string, uid: string): void {
		const {server, eventLog} = this.#options;
		if ((server.handle({method: 'GET', path}).body as Stored).metadata.uid === uid) {
			server.handle({method: 'DELETE', path}, 'a kubelet or user');
			eventLog.write(`cluster: ${path} is gone`);
		}
	}
}

/** As in a manifest copied from a running Pod. */
const staleAnnotations = {'hostport.io/allocated-grpc': '31000', 'hostport.io/allocated-health': '31001'};
