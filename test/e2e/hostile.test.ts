/** Hostile requests to a replica's port: they are refused and reserve nothing, the replica lives on, and other Pods get their ports. */
import https from 'node:https';
import {connect} from 'node:net';
import tls from 'node:tls';
import test from 'ava';
import type {ExecutionContext} from 'ava';
import fc from 'fast-check';
import {createBurst} from '../../harness/burst.ts';
import {entriesWithoutPod, hostPorts, ledgerEntries, missingFromLedger} from '../../harness/observe.ts';
import {webhookConfiguration} from '../../harness/product-objects.ts';
import type {Replica} from '../../harness/replica.ts';
import {memoryOf} from '../../harness/process-memory.ts';
import {arbitraryMessage} from '../fuzz/arbitrary-message.ts';
import {statefulSetReview} from '../helpers/fixtures.ts';
import {answerTo} from '../helpers/http.ts';
import {useCluster} from './helpers/cluster.ts';
import {enabled, hostPortsOf, podsPath} from './helpers/pods.ts';
import type {Pod} from './helpers/pods.ts';

const cluster = useCluster(test, {workloads: false, replicas: 2, flags: ['--max-ports-per-pod', '1000']});

/** The memory limit in deploy/base. */
const memoryLimitMb = 250;

type Hostile = {readonly body: string | Uint8Array; readonly contentType?: string};

type Review = {request: {object: {metadata: {annotations: Record<string, unknown>}; spec: {containers: unknown[]}}}};

const review = (change: (object: Review['request']['object']) => void): string => {
	const changed = statefulSetReview() as Review;
	change(changed.request.object);
	return JSON.stringify(changed);
};

const annotated = (annotations: object): Hostile => ({body: review(({metadata}) => Object.assign(metadata.annotations, annotations))});

const honestText = JSON.stringify(statefulSetReview());
const invalidUtf8 = Buffer.from(honestText.replace('game-server-2', 'game-server-\u00FF'), 'latin1');
const nestedDeeply = honestText.replace('"securityContext":{}', `"securityContext":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`);

/** Each must be refused, by an HTTP status or by a denial. */
const hostile: Readonly<Record<string, Hostile>> = {
	'nothing': {body: ''},
	'a truncated review': {body: honestText.slice(0, -100)},
	'a review of another type': {body: honestText, contentType: 'text/plain'},
	'20 MB': {body: `"${'x'.repeat(20_000_000)}"`},
	'invalid UTF-8': {body: invalidUtf8},
	'a hundred thousand levels in a Pod': {body: nestedDeeply},
	'a hundred thousand levels': {body: '['.repeat(100_000)},
	'no review': {body: '[]'},
	'a review of nothing': {body: '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}'},
	'a port whose number is its prototype\'s': {body: honestText.replace('"containerPort":9000', '"__proto__":{"containerPort":9000}')},
	'an annotation that is a list': annotated({'hostport.io/enabled': ['true']}),
	'an annotation that is an object': annotated({'hostport.io/enabled': 'true', 'hostport.io/ports': {}}),
	'an annotation that is a megabyte': annotated({'hostport.io/base-port': '3'.repeat(1_000_000)}),
	'more ports than there are': {body: review(({metadata, spec}) => {
		metadata.annotations['hostport.io/max-port'] = '31000';
		spec.containers = [{name: 'main', ports: Array.from({length: 1000}, (_, index) => ({containerPort: index + 1}))}];
	})},
	'ten thousand containers': {body: review(({spec}) => {
		spec.containers = Array.from({length: 10_000}, (_, index) => ({name: `c${index}`, ports: [{containerPort: index + 1}]}));
	})},
};

/** The authority that signed the replicas' certificate, from the webhook configuration. */
const authority = async (): Promise<string> => {
	const {webhooks: [webhook]} = await cluster().client.request<{webhooks: Array<{clientConfig: {caBundle: string}}>}>('GET', webhookConfiguration);
	return Buffer.from(webhook!.clientConfig.caBundle, 'base64').toString();
};

/** Resolves with the answer's status or the review's verdict, or undefined if the connection was closed before an answer. */
const post = async ({webhookPort}: Replica, ca: string, {body, contentType = 'application/json'}: Hostile): Promise<string | undefined> => {
	const request = https.request({host: '127.0.0.1', port: webhookPort, ca, agent: false, method: 'POST', path: '/mutate-pods?timeout=10s', headers: {'Content-Type': contentType}});
	request.end(body);
	const answer = await answerTo(request).catch(() => undefined);
	if (answer?.status !== 200) {
		return answer && String(answer.status);
	}

	const {response: {allowed, patch, status}} = JSON.parse(answer.body) as {response: {allowed: boolean; patch?: string; status?: {code: number}}};
	return allowed ? patch === undefined ? 'allowed' : 'patched' : `denied with ${status?.code}`;
};

const isRefusal = (verdict: string | undefined): boolean => /^4\d\d$|^denied with (?:400|403|503)$/.test(verdict ?? '');

/** The server closes the connection when a body is too long, and the client may miss the answer while it still sends. */
const isLarge = ({body}: Hostile): boolean => body.length > 64 * 1024;

for (const [what, message] of Object.entries(hostile)) {
	test.serial(`refused: ${what}`, async t => {
		const [replica] = cluster().installation.replicas();
		const verdict = await post(replica!, await authority(), message);
		t.true(isRefusal(verdict) || (verdict === undefined && isLarge(message)), verdict ?? 'no answer');
		t.is((await ledgerEntries(cluster().client)).size, 0);
	});
}

/** Sends as little as keeps a connection open: nothing, a header without an end, or a body without an end. Returns what closes it. */
const openSlowly = (port: number, ca: string, index: number): (() => void) => {
	const socket = index % 3 === 0 ? connect(port, '127.0.0.1') : tls.connect({port, host: '127.0.0.1', ca});
	socket.on('error', () => {});
	if (index % 3 > 0) {
		socket.write('POST /mutate-pods HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n');
	}

	if (index % 3 === 2) {
		socket.write('Content-Length: 5000000\r\n\r\n{');
	}

	const dripping = setInterval(() => socket.writable && index % 3 > 0 && socket.write('x'), 500);
	return () => {
		clearInterval(dripping);
		socket.destroy();
	};
};

/** Sends almost all of the largest body that a replica reads, and never its end. Returns what closes it. */
const holdBody = (port: number, ca: string): (() => void) => {
	const request = https.request({host: '127.0.0.1', port, ca, agent: false, method: 'POST', path: '/mutate-pods?timeout=10s', headers: {'Content-Type': 'application/json', 'Content-Length': 7_000_000}});
	request.on('error', () => {});
	request.write(Buffer.alloc(6_900_000, ' '));
	return () => request.destroy();
};

/**
 * Creates honest Pods while `attack` runs. All of them must be created, the ledger must hold no other ports than theirs, and no
 * replica may exceed its memory limit.
 */
const withHonestPods = async <Result>(t: ExecutionContext, namespace: string, attack: () => Promise<Result>): Promise<Result> => {
	const {client, installation, createNamespace} = cluster();
	await createNamespace(namespace);
	const replicas = installation.replicas();
	const burstOf = async (count: number) => createBurst({client, count, concurrency: 20, namespaces: [namespace], basePort: 20_000, attempts: 5});
	// So that the API server has open connections, as it has in practice.
	const first = await burstOf(40);
	const [result, burst] = await Promise.all([attack(), burstOf(300)]);
	const memory = await Promise.all(replicas.map(async ({process: {pid}}) => memoryOf(pid)));
	t.log(`${burst.created} honest Pods, ${burst.failures.length} failed, longest stall ${burst.longestStallMs.toFixed(0)} ms; RSS ${memory.map(({rssMb}) => rssMb).join(', ')} MB, at most ${memory.map(({peakRssMb}) => peakRssMb).join(', ')} MB, of ${memoryLimitMb} MB`);
	t.deepEqual(first.failures, []);
	// Beside 500 handshakes a slow machine may miss the deadline of a call. Then the Pod is tried again, as a controller would.
	t.is(burst.created, 300);
	t.deepEqual(await missingFromLedger(client, await hostPorts(client)), []);
	// A call that misses its deadline after the commit leaves the two ports of an honest Pod behind. Garbage leaves nothing.
	const leftBehind = await entriesWithoutPod(client);
	t.deepEqual(leftBehind.filter(([, text]) => !/"pod":"(?:slow|beside)\/burst-/.test(text)), []);
	const ownLeftBehind = leftBehind.filter(([, text]) => text.includes(`"pod":"${namespace}/burst-`));
	t.true(ownLeftBehind.length <= 2 * burst.failures.length, `${ownLeftBehind.length} entries without a Pod`);
	t.deepEqual(installation.replicas(), replicas, 'All processes live.');
	for (const {healthPort} of replicas) {
		t.is((await fetch(`http://127.0.0.1:${healthPort}/readyz`)).status, 200);
	}

	t.true(memory.every(({peakRssMb}) => peakRssMb <= memoryLimitMb));
	return result;
};

test.serial('Pods are created beside 200 slow connections and 20 endless bodies', async t => {
	const [target] = cluster().installation.replicas();
	const ca = await authority();
	const closes = await withHonestPods(t, 'slow', async () => [
		...Array.from({length: 200}, (_, index) => openSlowly(target!.webhookPort, ca, index)),
		...Array.from({length: 20}, () => holdBody(target!.webhookPort, ca)),
	]);
	for (const close of closes) {
		close();
	}
});

test.serial('Pods are created beside 500 garbage requests at once', async t => {
	const replicas = cluster().installation.replicas();
	const ca = await authority();
	const chosen = Object.values(hostile).flatMap(message => Array.from({length: message.body.length > 10_000_000 ? 1 : 10}, () => message));
	// Messages that are cut off in the middle.
	const truncated = fc.sample(arbitraryMessage, {numRuns: 500 - chosen.length, seed: 1}).map(({body}) => ({body: body.subarray(0, body.length / 2)}));
	const garbage: Hostile[] = [...chosen, ...truncated];
	const verdicts = await withHonestPods(t, 'beside', async () => Promise.all(garbage.map(async (message, index) =>
		({message, verdict: await post(replicas[index % replicas.length]!, ca, message)}))));
	const counts = Map.groupBy(verdicts, ({verdict}) => verdict ?? 'cut off').entries().map(([verdict, {length}]) => `${verdict}: ${length}`).toArray();
	t.log(`${garbage.length} garbage requests: ${counts.join(', ')}`);
	t.deepEqual(verdicts.filter(({verdict, message}) => !isRefusal(verdict) && !(verdict === undefined && isLarge(message))).map(({verdict, message}) => [verdict, message.body.length]), []);
});

test.serial('a Pod with a thousand ports gets a thousand host ports', async t => {
	const {client} = cluster();
	const ports = Array.from({length: 1000}, (_, index) => ({containerPort: index + 1}));
	const body = {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: {name: 'crowd', annotations: {...enabled, 'hostport.io/base-port': '10000'}},
		spec: {schedulerName: 'none', containers: [{name: 'main', image: 'none', ports}]},
	};
	const given = hostPortsOf(await client.request<Pod>('POST', podsPath('default'), body));
	t.is(new Set(given).size, 1000);
	const entries = await ledgerEntries(client);
	t.deepEqual(given.filter(port => !entries.has(`${port}.tcp`)), []);
	const larger = {...body, metadata: {...body.metadata, name: 'larger'}, spec: {...body.spec, containers: [{name: 'main', image: 'none', ports: [...ports, {containerPort: 1001}]}]}};
	const {status, body: {message}} = await client.send<{message: string}>('POST', podsPath('default'), larger);
	t.is(status, 403);
	t.regex(message, /needs 1001 port numbers, and one Pod gets at most 1000.*--max-ports-per-pod/);
	t.false([...(await ledgerEntries(client)).values()].some(entry => entry.includes('default/larger')), 'Nothing was reserved.');
});
