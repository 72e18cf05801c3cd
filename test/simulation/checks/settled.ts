/** What must come true once nothing goes wrong any more, and how soon. */
import {parseEntry, parseEntryKey} from '../../../src/ports/ledger-entry.ts';
import type {Stored} from '../../../harness/in-memory-api/kinds.ts';
import type {PodSpec} from '../../../harness/in-memory-api/pod-spec.ts';
import {hostPortKeys} from '../world/pod-requests.ts';
import {noFaults} from '../faults/fault-rates.ts';
import {dataOf, isMarked} from './stored-ledger.ts';
import {ownedBy, annotatedPod} from '../world/pod-kinds.ts';
import type {SimulatedReplica} from '../world/simulated-replica.ts';
import type {World} from '../world/world.ts';

/** A dead reconciler's Lease lasts five times as long as the ledger's, which is 5 s at most here. */
const electionMs = 5 * 5000 + 5000;
/** The time between two full passes, and as long as a pass may take to begin after it is due. */
const passMs = 60_000 + 10_000;
/** What is in the network when the faults end may take so long to arrive. */
const leftoversMs = 60_000 + 15_000;

/** How long it may take until ledger and cluster agree. */
export const settlingMs = ({requestTimeoutMs}: World): number =>
	leftoversMs + electionMs + 2 * 3 * requestTimeoutMs * 1.01 + 2 * passMs;

/** Looks once, when it has settled. */
export const checkAgreement = ({server, invariants}: World): void => {
	const pods = [...server.all('Pod')].filter(({status}) => !['Succeeded', 'Failed'].includes((status as {phase?: string} | undefined)?.phase ?? ''));
	const uidsByKey = Map.groupBy(pods.flatMap(pod => hostPortKeys(pod['spec'] as PodSpec).map(key => [key, pod.metadata.uid] as const)), ([key]) => key);
	for (const service of server.all('Service')) {
		for (const {nodePort} of (service['spec'] as {ports: Array<{nodePort: number}>}).ports) {
			uidsByKey.set(`${nodePort}.tcp`, [...(uidsByKey.get(`${nodePort}.tcp`) ?? []), [`${nodePort}.tcp`, service.metadata.uid]]);
		}
	}

	const pages = [...server.all('ConfigMap')].filter(({metadata}) => metadata.labels?.['hostport.io/ledger'] === 'page');
	const listed = [...server.all('ConfigMap')].find(({metadata}) => metadata.name === 'hostport-ledger')?.['data'] as {readonly pages?: string} | undefined;
	for (const page of pages) {
		const isListed = listed?.pages?.split(' ').includes(page.metadata.name.split('-').at(-1)!) ?? false;
		if (isMarked(page) && isListed) {
			invariants.violated('ledger and cluster agree', `${page.metadata.name} is still marked`);
		}

		// A marked one that the index does not name is nobody's yet: who made it has died, and who needs it will bring it in. Until
		// then nobody looks at what a person has written there.
		for (const [key, text] of isMarked(page) && !isListed ? [] : Object.entries(dataOf(page))) {
			const entry = parseEntry(text);
			const holders = uidsByKey.get(key);
			if (typeof entry === 'object' && parseEntryKey(key)) {
				if (!holders) {
					invariants.violated('leaks are reclaimed', `${key} is still ${text}`);
				} else if (!holders.some(([, uid]) => uid === entry.uid)) {
					invariants.violated('ledger and cluster agree', `${key} is ${text}, and those who have it are ${holders.map(([, uid]) => uid).join(', ')}`);
				}
			}
		}
	}

	for (const key of uidsByKey.keys()) {
		const page = pages.find(page => isOn(page, key));
		const ofTcp = dataOf(page)[`${parseEntryKey(key)!.port}.tcp`];
		// A port about which a person has written something counts as taken altogether.
		const isByHand = ofTcp !== undefined && typeof parseEntry(ofTcp) === 'string';
		if (page && !isMarked(page) && !(key in dataOf(page)) && !isByHand) {
			invariants.violated('ledger and cluster agree', `${key} has no entry`);
		}
	}
};

const isOn = ({metadata: {annotations}}: Stored, key: string): boolean => {
	const [first = 0, last = 0] = (annotations?.['hostport.io/ports'] ?? '').split('-').map(Number);
	const {port} = parseEntryKey(key)!;
	return port >= first && port <= last;
};

/** Numbers that nobody fights for. */
const roomy = {first: 32_000, last: 32_700};

/** Asks one replica for ports, and resolves with the status that the client hears. */
const probe = async ({creation, random}: World, replica: SimulatedReplica, timeoutSeconds = 10) => {
	const name = `probe-${creation.requests.length}`;
	// In sequence, for new pages all over the range would take longer than what is looked at here.
	const annotations = {'hostport.io/strategy': 'Sequential'};
	return creation.create(annotatedPod(random, roomy, {generateName: `${name}-`, ownerReferences: ownedBy('ReplicaSet', name), annotations}), {replica, timeoutSeconds});
};

/** Each replica in turn gives ports to a Pod. */
export const checkService = async (world: World): Promise<void> => {
	for (const replica of world.serving) {
		const {status, body} = await probe(world, replica);
		if (status !== 201) {
			world.invariants.violated('served again', `${replica.name} answered ${status}: ${(body as {message: string}).message}`);
		}
	}
};

const replicasForLock = 5;

/** Who has so many Pods at once that come again when they are served always has work. */
const busyPods = 20;

/**
 * Stops the holder in the middle of its work, lets the others join the line, and kills it and some that wait. Of those who
 * are left one has work all the time, one waits for its turn, and one joins and leaves again and again.
 */
export const checkLock = async (world: World): Promise<void> => {
	const {scheduler, invariants, random} = world;
	while (world.serving.length < replicasForLock) {
		world.startReplica();
		await scheduler.sleep(1000);
	}

	// Watches stall: then what is written there is seen a second later, by whoever waits.
	const isDeaf = random.chance(0.5);
	const unseenMs = isDeaf ? 1000 : 0;
	world.faults = {...noFaults, ...(isDeaf && {watchStall: 1})};
	const [restless, ...askers] = world.serving.toSorted(() => random.next() - 0.5);
	const holder = await holderAtWork(world, askers);
	if (!holder) {
		return;
	}

	holder.process.pause();
	await scheduler.sleep(500);
	const durationMs = 1000 * ((world.ledgerLease?.['spec'] as {leaseDurationSeconds?: number} | undefined)?.leaseDurationSeconds ?? 1);
	const [busy, patient, ...others] = askers.filter(replica => replica !== holder);
	for (const replica of [holder, ...others]) {
		world.kill(replica);
	}

	const killedAt = scheduler.now;
	let servedAt = Infinity;
	let patientServedAt = Infinity;
	const isOver = () => patientServedAt < Infinity || scheduler.now > killedAt + 3 * durationMs + 5000;
	await Promise.all([
		...Array.from({length: busyPods}, async () => again(isOver, async () => {
			await probed(busy!);
		})),
		(async () => {
			await again(() => servedAt < Infinity || isOver(), async () => scheduler.sleep(1));
			await probed(patient!);
			patientServedAt = scheduler.now;
		})(),
		again(isOver, async () => {
			await probed(restless!, 1);
			await scheduler.sleep(random.between(0, 300));
		}),
	]);
	const limitMs = durationMs * 1.01 + 1000 + unseenMs;
	if (servedAt - killedAt > limitMs) {
		invariants.violated('the lock moves', `nobody was served for ${Math.round(servedAt - killedAt)} ms after the crash of the holder, whose Lease lasts ${durationMs} ms`);
	}

	// The other works as long as it likes; it may have been served by what it had written before the crash.
	const patienceMs = patientServedAt - Math.max(servedAt, killedAt + durationMs * 1.01);
	if (patienceMs > 2000 + 2 * unseenMs) {
		invariants.violated('the lock moves', `${patient!.name} was not served for ${Math.round(patienceMs)} ms, while ${busy!.name} was`);
	}

	async function probed(replica: SimulatedReplica, timeoutSeconds?: number) {
		const {status} = await probe(world, replica, timeoutSeconds);
		if (status === 201) {
			servedAt = Math.min(servedAt, scheduler.now);
		}
	}
};

const again = async (isOver: () => boolean, step: () => Promise<void>): Promise<void> => {
	while (!isOver()) {
		await step();
	}
};

const maxTries = 10;

/** Asks all of them at once, until one holds the Lease while others wait: now and then nobody needs to. */
const holderAtWork = async (world: World, askers: readonly SimulatedReplica[]): Promise<SimulatedReplica | undefined> => {
	for (let tries = 0; tries < maxTries; tries++) {
		const asked = askers.map(async replica => probe(world, replica));
		const holder = await holderWithWaiters(world);
		if (holder) {
			return holder;
		}

		const answers = await Promise.all(asked);
		const refused = answers.find(({status}) => status !== 201);
		if (refused) {
			world.invariants.violated('the lock moves', `nothing goes wrong, and a replica among others answers ${refused.status}: ${(refused.body as {message: string}).message}`);
		}
	}

	return undefined;
};

const holderWithWaiters = async (world: World): Promise<SimulatedReplica | undefined> => {
	for (let waited = 0; waited < 400; waited++) {
		const lease = world.ledgerLease;
		const holder = world.serving.find(({name}) => name === (lease?.['spec'] as {holderIdentity?: string} | undefined)?.holderIdentity);
		if (holder && lease?.metadata.annotations?.['hostport.io/waiters']) {
			return holder;
		}

		await world.scheduler.sleep(0.25);
	}

	return undefined;
};
