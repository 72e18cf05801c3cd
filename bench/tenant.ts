/**
 * `npm run bench:tenant`: whether one namespace can stop the others. Six clients create Pods as fast as they can in a namespace
 * whose quota allows none: each Pod is admitted by the operator, and refused after it. They ask for 1 port, then for 100, then for
 * 3,000 (more than `--max-ports-per-pod`). Meanwhile another namespace gets a Pod with two ports every 250 ms. Prints what became
 * of these, how many numbers the first namespace held at most, and the largest RSS of each replica. Exits with 1 if a Pod of the
 * second namespace was not served, or a bound was exceeded.
 */
import process from 'node:process';
import {setTimeout as sleep} from 'node:timers/promises';
import {parseArgs} from 'node:util';
import {startControlPlane} from '../harness/control-plane/start.ts';
import {createKubeClient} from '../harness/kube-client.ts';
import {duplicates, hostPorts, ledgerEntries} from '../harness/observe.ts';
import {podTemplate} from '../harness/pod-template.ts';
import {memoryOf} from '../harness/process-memory.ts';
import {serviceAccount} from '../harness/product-objects.ts';
import {install} from '../harness/replicas.ts';
import {build} from '../scripts/build.ts';
import {allowedRanges, readConfig} from '../src/config/read-config.ts';
import {heldLimitsOf} from '../src/ports/held-numbers.ts';
import {parseEntry, parseEntryKey} from '../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../src/ports/ledger-entry.ts';
import {quantile} from './figures.ts';

const {values} = parseArgs({options: {
	ports: {type: 'string', default: '1,100,3000'},
	seconds: {type: 'string', default: '20'},
	clients: {type: 'string', default: '6'},
	'base-port': {type: 'string', default: '30558'},
}});

const pauseMs = 250;
/** Both namespaces want numbers from here on. By default where Pods without the annotation do. */
const basePort = Number(values['base-port']);
/** deploy/ allows a replica 250 MiB. */
const mostRssMb = 200;

await build();
await using controlPlane = await startControlPlane({workloads: false, onProgress: line => console.error(line)});
await using client = await createKubeClient(controlPlane.kubeconfigPath);
for (const name of ['greedy', 'honest']) {
	await client.request('POST', '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name}});
}

// Admission needs the quota's status, which the controller manager would fill in; this control plane runs without one.
const quota = '/api/v1/namespaces/greedy/resourcequotas';
await client.request('POST', quota, {apiVersion: 'v1', kind: 'ResourceQuota', metadata: {name: 'none'}, spec: {hard: {pods: '0'}}});
await client.request('PATCH', `${quota}/none/status`, {status: {hard: {pods: '0'}, used: {pods: '0'}}}, 'application/merge-patch+json');

// With the defaults of all flags, as deploy/ runs it.
await using installation = await install({client, kubeconfig: await controlPlane.kubeconfigFor(serviceAccount), directory: `${controlPlane.directory}/replicas`, replicas: 3});

type Answer = {readonly status: number | 'no answer'; readonly message: string};

const create = async (namespace: string, pod: object): Promise<Answer> => {
	try {
		const {status, body} = await client.send<{readonly message?: string; readonly spec?: {readonly hostNetwork?: boolean}}>('POST', `/api/v1/namespaces/${namespace}/pods`, pod);
		return {status, message: body.message ?? (body.spec?.hostNetwork ? '' : 'stored without ports')};
	} catch (error) {
		return {status: 'no answer', message: String(error)};
	}
};

/** The numbers that the greedy namespace has in the ledger, none of which has a live Pod. */
const heldNumbers = async (): Promise<number> => {
	const own = [...await ledgerEntries(client)].filter(([, text]) => (parseEntry(text) as LedgerEntry).pod.startsWith('greedy/'));
	return new Set(own.map(([key]) => parseEntryKey(key)?.port)).size;
};

/** Who refused a Pod of the greedy namespace. */
const refusedBy = ({status, message}: Answer): string => {
	if (message.includes('exceeded quota')) {
		return 'the quota';
	}

	return message.includes('admission webhook') ? `the operator (${status})` : `${status} ${message.slice(0, 80)}`;
};

type Stage = {
	readonly ports: number;
	/** Refused Pods of the greedy namespace, counted by who refused them. */
	readonly refused: ReadonlyMap<string, number>;
	readonly latenciesMs: readonly number[];
	readonly failures: readonly string[];
	/** The most that was seen. */
	readonly held: number;
	readonly peakRssMb: readonly number[];
};

const attack = async (ports: number, seconds: number, clients: number): Promise<Stage> => {
	const over = AbortSignal.timeout(seconds * 1000);
	const refused = new Map<string, number>();
	const latenciesMs: number[] = [];
	const failures: string[] = [];
	let held = 0;

	const beGreedy = async (): Promise<void> => {
		const pod = podTemplate('greedy', basePort, Array.from({length: ports}, (_, index) => ({name: `p${index}`, containerPort: 10_000 + index})));
		while (!over.aborted) {
			const by = refusedBy(await create('greedy', pod));
			refused.set(by, (refused.get(by) ?? 0) + 1);
		}
	};

	const createOne = async (): Promise<void> => {
		const sentAt = performance.now();
		const {status, message} = await create('honest', podTemplate('honest', basePort));
		if (status === 201 && message === '') {
			latenciesMs.push(performance.now() - sentAt);
		} else {
			failures.push(`${status} ${message}`);
		}
	};

	const beHonest = async (): Promise<void> => {
		const running: Array<Promise<void>> = [];
		while (!over.aborted) {
			running.push(createOne());
			await sleep(pauseMs);
		}

		await Promise.all(running);
	};

	const watchLedger = async (): Promise<void> => {
		while (!over.aborted) {
			held = Math.max(held, await heldNumbers());
			await sleep(2000);
		}
	};

	await Promise.all([beHonest(), watchLedger(), ...Array.from({length: clients}, beGreedy)]);
	held = Math.max(held, await heldNumbers());
	const peakRssMb = await Promise.all(installation.replicas().map(async ({process: {pid}}) => (await memoryOf(pid)).peakRssMb));
	return {ports, refused, latenciesMs, failures, held, peakRssMb};
};

const stages: Stage[] = [];
for (const ports of values.ports.split(',').map(Number)) {
	console.error(`${values.clients} clients send Pods with ${ports} ports for ${values.seconds} s`);
	stages.push(await attack(ports, Number(values.seconds), Number(values.clients)));
}

const config = readConfig([], {});
const bound = heldLimitsOf(allowedRanges(config), basePort, config.maxHeldPortsPerNamespace).findLast(({first}) => first <= basePort)!;
const doubled = duplicates(await hostPorts(client));

console.log('| ports of a refused Pod | refused by | other namespace: served | failed | p50 / p99, ms | numbers held at most | peak RSS of each replica, MiB |');
console.log('|---:|---|---:|---:|---:|---:|---|');
for (const {ports, refused, latenciesMs, failures, held, peakRssMb} of stages) {
	const refusals = [...refused].map(([by, count]) => `${by}: ${count}`).join(', ');
	console.log(`| ${ports} | ${refusals} | ${latenciesMs.length} | ${failures.length} | ${quantile(latenciesMs, 0.5).toFixed(0)} / ${quantile(latenciesMs, 0.99).toFixed(0)} | ${held} | ${peakRssMb.join(', ')} |`);
}

console.log(`\nPods may get the ${bound.last - basePort + 1} numbers from ${basePort} on, excluded ones among them. A namespace may hold ${bound.most} of ${bound.first}-${bound.last} without live Pods. Ports given twice: ${doubled.length}.`);
for (const [message, {length}] of Map.groupBy(stages.flatMap(({failures}) => failures), failure => failure.slice(0, 300))) {
	console.log(`${length} failed: ${message}`);
}

/** Three replicas may each exceed the bound by an eighth before they count again (docs/adr/0003-freshness.md). */
const mostHeld = bound.most * (1 + 3 / 8);
const isBroken = doubled.length > 0 || stages.some(({failures, held, peakRssMb}) => failures.length > 0 || held > mostHeld || Math.max(...peakRssMb) > mostRssMb);
process.exitCode = isBroken ? 1 : 0;
