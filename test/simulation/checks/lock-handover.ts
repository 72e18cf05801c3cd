/** Whether the ledger's Lease reaches every live replica soon after its holder, and others that waited for it, have crashed. */
import {noFaults} from '../faults/fault-rates.ts';
import type {SimulatedReplica} from '../world/simulated-replica.ts';
import type {World} from '../world/world.ts';
import {createPodThrough, messageOf} from './service.ts';

const replicasForLock = 5;

/** Enough parallel clients that a replica always has work. */
const busyClients = 20;

/**
 * Pauses the holder at work, lets the others queue for the Lease, and then kills the holder and two others. Of the three
 * that are left, one always has work, one waits for its turn, and one joins and leaves the queue again and again.
 */
export const checkLock = async (world: World): Promise<void> => {
	const {scheduler, invariants, random} = world;
	while (world.serving.length < replicasForLock) {
		world.startReplica();
		await scheduler.sleep(1000);
	}

	// With stalled watches, a waiting replica sees a change of the Lease up to a second later.
	const areWatchesStalled = random.chance(0.5);
	const unseenMs = areWatchesStalled ? 1000 : 0;
	world.faults = {...noFaults, ...(areWatchesStalled && {watchStall: 1})};
	const [restless, ...candidates] = world.serving.toSorted(() => random.next() - 0.5);
	const holder = await holderAtWork(world, candidates);
	if (!holder) {
		return;
	}

	holder.process.pause();
	await scheduler.sleep(500);
	const durationMs = 1000 * ((world.ledgerLease?.['spec'] as {leaseDurationSeconds?: number} | undefined)?.leaseDurationSeconds ?? 1);
	const [busy, patient, ...others] = candidates.filter(replica => replica !== holder);
	for (const replica of [holder, ...others]) {
		world.kill(replica);
	}

	const killedAt = scheduler.now;
	let servedAt = Infinity;
	let patientServedAt = Infinity;
	const isOver = () => patientServedAt < Infinity || scheduler.now > killedAt + 3 * durationMs + 5000;
	await Promise.all([
		...Array.from({length: busyClients}, async () => repeatUntil(isOver, async () => {
			await createPod(busy!);
		})),
		(async () => {
			await repeatUntil(() => servedAt < Infinity || isOver(), async () => scheduler.sleep(1));
			await createPod(patient!);
			patientServedAt = scheduler.now;
		})(),
		repeatUntil(isOver, async () => {
			await createPod(restless!, 1);
			await scheduler.sleep(random.between(0, 300));
		}),
	]);
	const limitMs = durationMs * 1.01 + 1000 + unseenMs;
	if (servedAt - killedAt > limitMs) {
		invariants.violated('the Lease is handed on', `no Pod was served for ${Math.round(servedAt - killedAt)} ms after its holder crashed; it lasts ${durationMs} ms`);
	}

	// A Pod may be served before the Lease expires, if its entry was written before the crash.
	const patienceMs = patientServedAt - Math.max(servedAt, killedAt + durationMs * 1.01);
	if (patienceMs > 2000 + 2 * unseenMs) {
		invariants.violated('the Lease is handed on', `${patient!.name} served no Pod for ${Math.round(patienceMs)} ms, while ${busy!.name} did`);
	}

	async function createPod(replica: SimulatedReplica, timeoutSeconds?: number) {
		const {status} = await createPodThrough(world, replica, timeoutSeconds);
		if (status === 201) {
			servedAt = Math.min(servedAt, scheduler.now);
		}
	}
};

const repeatUntil = async (isOver: () => boolean, step: () => Promise<void>): Promise<void> => {
	while (!isOver()) {
		await step();
	}
};

/** A round in which no replica has to wait for the Lease is rare; ten in a row are not seen. */
const maxRounds = 10;

/** Sends a Pod to every replica, round after round, until one holds the Lease while others wait. Undefined if that never happens. */
const holderAtWork = async (world: World, replicas: readonly SimulatedReplica[]): Promise<SimulatedReplica | undefined> => {
	for (let round = 0; round < maxRounds; round++) {
		const pending = replicas.map(async replica => createPodThrough(world, replica));
		const holder = await holderWithWaiters(world);
		if (holder) {
			return holder;
		}

		const answers = await Promise.all(pending);
		const denied = answers.find(({status}) => status !== 201);
		if (denied) {
			world.invariants.violated('the Lease is handed on', `without any fault, a replica answered ${denied.status}: ${messageOf(denied.body)}`);
		}
	}

	return undefined;
};

/** Looks every quarter of a millisecond for a tenth of a second. */
const holderWithWaiters = async (world: World): Promise<SimulatedReplica | undefined> => {
	for (let looks = 0; looks < 400; looks++) {
		const lease = world.ledgerLease;
		const holder = world.serving.find(({name}) => name === (lease?.['spec'] as {holderIdentity?: string} | undefined)?.holderIdentity);
		if (holder && lease?.metadata.annotations?.['hostport.io/waiters']) {
			return holder;
		}

		await world.scheduler.sleep(0.25);
	}

	return undefined;
};
