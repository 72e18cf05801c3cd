/**
 * `npm run bench:memory`: what one tenant, or a stranger with a connection, can make a replica hold. First, clients ask one
 * replica for long answers and never read them. Then a namespace stores Pods of 1.4 MB, whose characters are six each in an
 * answer, and a new replica lists them, in a pass and for a new page. The same again for a build without the bounds. Prints the
 * largest RSS of the replicas. Exits with 1 if one of the build with the bounds exceeds its limit, or does not work meanwhile.
 */
import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import process from 'node:process';
import {setTimeout as sleep} from 'node:timers/promises';
import tls from 'node:tls';
import {parseArgs} from 'node:util';
import {startControlPlane} from '../harness/control-plane/start.ts';
import {until} from '../harness/control-plane/until.ts';
import {createKubeClient} from '../harness/kube-client.ts';
import {podTemplate} from '../harness/pod-template.ts';
import {memoryOf} from '../harness/process-memory.ts';
import {serviceAccount} from '../harness/product-objects.ts';
import type {Replica} from '../harness/replica.ts';
import {install} from '../harness/replicas.ts';
import {readText, sendRequest} from '../src/kubernetes/http-request.ts';
import {buildWith} from './changed-build.ts';

const {values} = parseArgs({options: {
	connections: {type: 'string', default: '60'},
	pods: {type: 'string', default: '7'},
}});

/** deploy/ allows a replica 250 MiB. */
const mostRssMb = 200;

const builds = [
	['with its bounds', new Map<string, string>()],
	['without them', new Map([['maximumUnfinishedBytes', 'Infinity'], ['maximumUnsentBytes', 'Infinity'], ['maximumListLength', '64 * 1024 * 1024']])],
] as const;

await using controlPlane = await startControlPlane({workloads: false, onProgress: line => console.error(line)});
await using client = await createKubeClient(controlPlane.kubeconfigPath);
for (const name of ['honest', 'large']) {
	await client.request('POST', '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name}});
}

const kubeconfig = await controlPlane.kubeconfigFor(serviceAccount);

/** A dry run, which reserves nothing. The answer contains all variables of a container, the long one among them, in Base64. */
const longReview = (): string => {
	const {request, ...review} = JSON.parse(readFileSync(new URL('../test/fixtures/review-replicaset-pod.json', import.meta.url), 'utf8')) as {readonly request: object};
	const containers = [{name: 'main', image: 'none', ports: [{name: 'grpc', containerPort: 9000}], env: [{name: 'TEXT', value: 'x'.repeat(5_000_000)}]}];
	const object = {apiVersion: 'v1', kind: 'Pod', metadata: {generateName: 'long-', namespace: 'large', annotations: {'hostport.io/enabled': 'true'}}, spec: {containers}};
	return JSON.stringify({...review, request: {...request, uid: randomUUID(), namespace: 'large', dryRun: true, object}});
};

const review = longReview();
// Replicas make their own certificates, which this process does not know.
const trust = {rejectUnauthorized: false};
const agent = new https.Agent(trust);

const answerLength = async (port: number): Promise<number> => {
	const response = await sendRequest({server: `https://127.0.0.1:${port}`, agent, authorization: async () => ({})}, {
		method: 'POST', path: '/mutate-pods?timeout=10s', headers: {'content-type': 'application/json'}, body: JSON.parse(review), signal: AbortSignal.timeout(30_000),
	});
	return (await readText(response, Infinity)).length;
};

/** Sends the review and does not read the answer. Resolves once the review is sent. */
const askOnly = async (port: number): Promise<tls.TLSSocket> => {
	const socket = tls.connect({host: '127.0.0.1', port, ...trust}).on('error', () => {});
	await once(socket, 'secureConnect');
	socket.pause().write(`POST /mutate-pods?timeout=10s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(review)}\r\n\r\n${review}`);
	return socket;
};

const createHonest = async (basePort: number): Promise<void> => {
	await client.request('POST', '/api/v1/namespaces/honest/pods', podTemplate('honest', basePort));
};

const peakRssMb = async ({process: {pid}}: Replica): Promise<number> => (await memoryOf(pid)).peakRssMb;

/** When the latest pass ended, in seconds; 0 if this replica has made none. */
const lastPass = async ({metricsPort}: Replica): Promise<number> => {
	const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
	return Number(/^hostport_reconciler_last_success_timestamp_seconds (\S+)/m.exec(text)?.[1] ?? 0);
};

type Figures = {
	readonly build: string;
	readonly idleMb: number;
	readonly answerMb: number;
	readonly unreadMb: number;
	readonly listingMb: number;
	/** What the replicas could not do meanwhile. */
	readonly problems: readonly string[];
};

const measure = async (build: string, bundle: string, place: number): Promise<Figures> => {
	await using installation = await install({client, kubeconfig, directory: path.join(controlPlane.directory, `memory-${place}`), replicas: 1, bundle});
	const [first] = installation.replicas();
	const problems: string[] = [];
	const attempt = async (what: string, action: () => Promise<unknown>): Promise<void> => {
		await action().catch((error: unknown) => problems.push(`${what}: ${String(error).slice(0, 200)}`));
	};

	await createHonest(30_558);
	const {rssMb: idleMb} = await memoryOf(first!.process.pid);
	const answerMb = await answerLength(first!.webhookPort) / 2 ** 20;
	const sockets = await Promise.all(Array.from({length: Number(values.connections)}, async () => askOnly(first!.webhookPort)));
	await sleep(5000);
	await attempt('a Pod while answers are unread', async () => createHonest(30_558));
	await sleep(10_000);
	const unreadMb = await peakRssMb(first!);
	for (const socket of sockets) {
		socket.destroy();
	}

	const names = Array.from({length: Number(values.pods)}, (_, index) => `large-${index}`);
	for (const name of names) {
		// One wide character makes V8 store the whole answer with two bytes for each.
		const env = [{name: 'TEXT', value: `日${'<'.repeat(1_400_000)}`}];
		await client.request('POST', '/api/v1/namespaces/large/pods', {apiVersion: 'v1', kind: 'Pod', metadata: {name}, spec: {schedulerName: 'none', containers: [{name: 'main', image: 'none', env}]}});
	}

	const second = await installation.addReplica('second');
	await installation.removeReplica(first!, 'SIGTERM');
	await attempt('a pass', async () => until(async () => await lastPass(second) > 0, {what: 'a pass', budgetMs: 60_000}));
	// No page has this number yet.
	await attempt('a new page', async () => createHonest(20_000 + 1000 * place));
	const listingMb = await peakRssMb(second);
	for (const name of names) {
		await client.request('DELETE', `/api/v1/namespaces/large/pods/${name}`, {gracePeriodSeconds: 0});
	}

	return {build, idleMb, answerMb, unreadMb, listingMb, problems};
};

const all: Figures[] = [];
for (const [place, [name, settings]] of builds.entries()) {
	console.error(`a replica ${name}`);
	all.push(await measure(name, await buildWith(settings, path.join(controlPlane.directory, `build-${place}`)), place));
}

agent.destroy();
console.log(`| build | RSS before, MiB | ${values.connections} answers of ${all[0]!.answerMb.toFixed(1)} MiB unread: peak | ${values.pods} Pods of 1.4 MB listed: peak |`);
console.log('|---|---:|---:|---:|');
for (const {build, idleMb, unreadMb, listingMb} of all) {
	console.log(`| ${build} | ${idleMb} | ${unreadMb} | ${listingMb} |`);
}

for (const {build, problems} of all) {
	for (const problem of problems) {
		console.log(`${build}: ${problem}`);
	}
}

const [{unreadMb, listingMb, problems}] = all as [Figures, ...Figures[]];
process.exitCode = problems.length > 0 || Math.max(unreadMb, listingMb) > mostRssMb ? 1 : 0;
