/** `npm run bench:core`: how long the pure functions take, for ledgers of several sizes. Medians in microseconds. */
import {readFileSync} from 'node:fs';
import process from 'node:process';
import {Bench} from 'tinybench';
import {patchBetween} from '../src/admission/patch.ts';
import {applyPorts} from '../src/admission/apply-ports.ts';
import {planPod} from '../src/admission/pod-plan.ts';
import {decodePod} from '../src/admission/pod.ts';
import {decodeReview} from '../src/admission/review.ts';
import {withoutStaleAllocation} from '../src/admission/stale-allocation.ts';
import {allocate} from '../src/ports/allocator.ts';
import type {PendingRequest} from '../src/ports/allocator.ts';
import {planBatch} from '../src/ports/batch-plan.ts';
import {schemaBlockSize} from '../src/ports/ledger-metadata.ts';
import {changesAsData, decodePage, withChanges} from '../src/ports/ledger-page.ts';
import {PortSpace} from '../src/ports/port-space.ts';
import {planPass} from '../src/ports/repair.ts';
import {decodePages, lowestBenchPort, syntheticEntries, syntheticPages, usesOf} from './synthetic-ledger.ts';

const sizes = [10, 1000, 30_000];
const blockSize = schemaBlockSize;
const since = '2026-11-22T10:00:00Z';
const ranges = [{first: lowestBenchPort, last: 65_535}];

const review = JSON.parse(readFileSync(new URL('../test/fixtures/review-replicaset-pod.json', import.meta.url), 'utf8')) as unknown;

/** The median duration of each function in microseconds, by name. */
const measure = async (runs: Readonly<Record<string, () => unknown>>): Promise<Record<string, number>> => {
	const bench = new Bench({time: 300, warmupTime: 100});
	for (const [name, run] of Object.entries(runs)) {
		bench.add(name, run);
	}

	const tasks = await bench.run();
	return Object.fromEntries(tasks.map(({name, result}) => {
		if (result.state !== 'completed') {
			throw new Error(`${name} did not run: ${result.state}`, {cause: result});
		}

		return [name, result.latency.p50 * 1000];
	}));
};

const measureAdmission = async (): Promise<Record<string, number>> => {
	const request = decodeReview(review);
	const pod = decodePod(request.object);
	const plan = planPod(request, pod, ranges);
	if (plan.kind === 'skip') {
		throw new Error(`the recorded review gets no ports: ${plan.reason}`);
	}

	return measure({
		plan: () => planPod(request, withoutStaleAllocation(decodePod(request.object)), ranges),
		patch: () => patchBetween(pod, applyPorts(pod, plan, [30_558, 30_559])),
	});
};

const requestWith = (changes: Partial<PendingRequest['demand']>): PendingRequest => ({
	demand: {
		pod: 'game/new- (ReplicaSet new)',
		hasFixedName: false,
		numbers: [{ports: [{name: 'grpc', protocol: 'TCP'}]}, {ports: [{name: 'health', protocol: 'TCP'}]}],
		basePort: lowestBenchPort,
		maxPort: 65_535,
		strategy: 'Sequential',
		ownPorts: [],
		...changes,
	},
	claim: 'mine',
	earlierClaims: [],
});

const measureLedger = async (size: number): Promise<Record<string, number>> => {
	const entries = syntheticEntries(size);
	const objects = syntheticPages(size, blockSize);
	const pages = decodePages(objects, blockSize);
	const last = [...pages.values()].at(-1)!;
	const uses = usesOf(entries);
	const sequential = requestWith({});
	const batch = Array.from({length: 50}, () => sequential);
	const {changes} = planBatch(pages, blockSize, {requests: batch, repairs: []}, Math.random, since);
	const written = [...changes].find(([first]) => pages.has(first)) ?? [last.first, new Map()];
	// A thousand allocations in one space, as in a batch, so that creating the space counts for little.
	const thousand = (request: PendingRequest) => () => {
		const space = new PortSpace(pages, blockSize);
		for (let count = 0; count < 1000; count++) {
			allocate(space, request, Math.random, since);
		}
	};

	const figures = await measure({
		'allocate ×1000, Sequential': thousand(sequential),
		'allocate ×1000, Random': thousand(requestWith({strategy: 'Random'})),
		'plan a batch of 1': () => planBatch(pages, blockSize, {requests: [sequential], repairs: []}, Math.random, since),
		'plan a batch of 50': () => planBatch(pages, blockSize, {requests: batch, repairs: []}, Math.random, since),
		'decode a page': () => decodePage(objects.at(-1)!, last.first, blockSize),
		'page after a commit': () => withChanges(pages.get(written[0])!, written[1], '2'),
		'patch of a commit': () => JSON.stringify(changesAsData(written[1])),
		repair: () => planPass({pages, blockSize, uses, sightings: new Map(), now: 0, holdMs: 120_000, since, mintClaim: () => 'fresh'}),
	});
	return Object.fromEntries(Object.entries(figures).map(([name, us]) => name.includes('×1000') ? [name.replace(' ×1000', ''), us / 1000] : [name, us]));
};

console.log(`Node ${process.version} ${process.execArgv.join(' ')}, blocks of ${blockSize}; microseconds, medians\n`);
for (const [name, us] of Object.entries(await measureAdmission())) {
	console.log(`${name.padEnd(24)}${us.toFixed(1).padStart(10)}`);
}

const figures = [];
for (const size of sizes) {
	figures.push(await measureLedger(size));
}

console.log(`\n${'live entries'.padEnd(24)}${sizes.map(size => String(size).padStart(10)).join('')}${'last : first'.padStart(14)}`);
for (const name of Object.keys(figures[0]!)) {
	const row = figures.map(figure => figure[name]!);
	console.log(`${name.padEnd(24)}${row.map(us => us.toFixed(1).padStart(10)).join('')}${(row.at(-1)! / row[0]!).toFixed(2).padStart(14)}`);
}
