import test from 'ava';
import {pino} from 'pino';
import {createPodMutator} from '../../src/admission/mutate-pod.ts';
import type {PodSecurityCheck} from '../../src/admission/pod-security.ts';
import {BadReviewError, DenialError} from '../../src/errors.ts';
import {createMetrics} from '../../src/metrics.ts';
import {replicaSetReview} from '../helpers/fixtures.ts';
import {never, silent} from '../helpers/no-ops.ts';
import {defaultRanges, podWith} from '../helpers/pods.ts';

/** A mutator whose ledger answers like `reserve`, and the number of admissions with each outcome. */
const mutatorWith = (reserve: () => Promise<readonly number[]>) => {
	const metrics = createMetrics();
	const mutatePod = createPodMutator({reserve, dryRun: reserve, namespaceLabels: async () => ({}), ranges: defaultRanges, maxPortsPerPod: 128, podSecurityCheck: 'deny', nodePortRange: [], namespace: 'gaming', logger: silent, metrics});
	const counts = async () => {
		const text = await metrics.registry.metrics();
		return Object.fromEntries(['allowed', 'patched', 'denied', 'errored'].map(outcome =>
			[outcome, Number(new RegExp(`hostport_admission_duration_seconds_count\\{outcome="${outcome}"\\} (\\d+)`).exec(text)?.[1])]));
	};

	/** The reasons of the denials so far. */
	const reasons = async () => [...(await metrics.registry.metrics()).matchAll(/hostport_admission_denials_total\{reason="(\w+)"\} [1-9]/g)].map(([, reason]) => reason);
	const inFlight = async () => (await metrics.inFlight.get()).values[0]?.value;
	return {mutatePod, counts, reasons, inFlight};
};

const none = {allowed: 0, patched: 0, denied: 0, errored: 0};

test('an admission counts by its outcome', async t => {
	const {mutatePod, counts} = mutatorWith(async () => [30_558, 30_559]);
	await mutatePod(replicaSetReview(), never);
	t.deepEqual(await counts(), {...none, patched: 1});
	const refusing = mutatorWith(async () => {
		throw new DenialError(503, 'no');
	});
	await refusing.mutatePod(replicaSetReview(), never);
	t.deepEqual(await refusing.counts(), {...none, denied: 1});
	const failing = mutatorWith(async () => {
		throw new TypeError('a defect');
	});
	await failing.mutatePod(replicaSetReview(), never);
	t.deepEqual(await failing.counts(), {...none, errored: 1});
});

test('a denial counts by its reason, and with it in the log', async t => {
	for (const [error, reason] of [
		[new DenialError(503, 'no'), 'unavailable'],
		[new DenialError(403, 'no'), 'forbidden'],
		[new DenialError(403, 'no', {reason: 'exhausted'}), 'exhausted'],
	] as const) {
		const {mutatePod, reasons} = mutatorWith(async () => {
			throw error;
		});
		t.deepEqual(await reasons(), []);
		await mutatePod(replicaSetReview(), never);
		t.deepEqual(await reasons(), [reason]);
	}
});

test('a request is in flight until it is answered, denied or has failed', async t => {
	const waiting = Promise.withResolvers<readonly number[]>();
	const {mutatePod, inFlight} = mutatorWith(async () => waiting.promise);
	const answers = [mutatePod(replicaSetReview(), never), mutatePod(replicaSetReview(), never)];
	t.is(await inFlight(), 2);
	waiting.reject(new TypeError('a defect'));
	await Promise.all(answers);
	await t.throwsAsync(mutatePod({}, never), {instanceOf: BadReviewError});
	t.is(await inFlight(), 0);
});

test('after a fault on our side the client is told how to read all of the log', async t => {
	const {mutatePod} = mutatorWith(async () => {
		throw new TypeError('a defect');
	});
	const {response} = await mutatePod(replicaSetReview(), never);
	t.like(response, {allowed: false, status: {code: 500, message: 'the HostPort Operator failed; its log says why: kubectl logs -n gaming -l app.kubernetes.io/name=hostport-operator --tail=-1 --prefix'}});
});

test('a body that is no review does not count', async t => {
	const {mutatePod, counts} = mutatorWith(async () => []);
	await t.throwsAsync(mutatePod({}, never), {instanceOf: BadReviewError});
	t.deepEqual(await counts(), none);
});

test('a failure after the deadline is a denial', async t => {
	const {mutatePod, reasons} = mutatorWith(async () => {
		throw new Error('read ECONNRESET');
	});
	const {response} = await mutatePod(replicaSetReview(), AbortSignal.abort());
	t.deepEqual(await reasons(), ['timeout']);
	t.like(response, {allowed: false, status: {code: 503, message: 'no host ports could be reserved in time: try again'}});
});

test('the log line of a Pod with many ports has their count and the first ten', async t => {
	const lines: Array<Record<string, unknown>> = [];
	const many = Array.from({length: 100}, (_, index) => 20_000 + index);
	const mutate = createPodMutator({
		reserve: async () => many,
		dryRun: async () => many,
		namespaceLabels: async () => ({}),
		ranges: defaultRanges,
		maxPortsPerPod: 128,
		podSecurityCheck: 'deny',
		nodePortRange: [],
		namespace: 'gaming',
		logger: pino({base: null, timestamp: false}, {write: line => lines.push(JSON.parse(line) as Record<string, unknown>)}),
		metrics: createMetrics(),
	});
	const object = podWith({containers: [{name: 'app', ports: many.map(containerPort => ({containerPort}))}]});
	const request = {uid: 'a7c3', namespace: 'game', name: 'n'.repeat(100_000), operation: 'CREATE', kind: {group: '', version: 'v1', kind: 'Pod'}};
	await mutate({apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: {...request, object}}, never);
	t.deepEqual(lines, [{level: 30, uid: 'a7c3', pod: 'game/server-0', count: 100, ports: many.slice(0, 10), msg: 'allocated'}]);
	await mutate({apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: {...request, object: {...object, metadata: {...object.metadata, name: ''}}}}, never);
	t.true(JSON.stringify(lines.at(-1)).length < 1000, 'also if the name is rejected');
});

test('the log line of a Pod has its first three warnings, because controllers do not show them', async t => {
	const lines: Array<{readonly warnings?: readonly string[]}> = [];
	const mutate = createPodMutator({
		reserve: async () => [20_000, 20_002],
		dryRun: async () => [20_000, 20_002],
		namespaceLabels: async () => ({'pod-security.kubernetes.io/enforce': 'baseline'}),
		ranges: defaultRanges,
		maxPortsPerPod: 128,
		podSecurityCheck: 'warn',
		nodePortRange: [{first: 20_000, last: 20_099}],
		namespace: 'gaming',
		logger: pino({base: null, timestamp: false}, {write: line => lines.push(JSON.parse(line) as object)}),
		metrics: createMetrics(),
	});
	const object = podWith({annotations: {'hostport.io/strat': 'x'}, containers: [{name: 'app', ports: [{containerPort: 1}, {containerPort: 2}]}]});
	const {response} = await mutate(reviewOf(object), never);
	t.is(response.warnings?.length, 4);
	t.regex(response.warnings?.[2] ?? '', /not consecutive/);
	t.deepEqual(lines[0]?.warnings, response.warnings?.slice(0, 3));
});

test('a Pod with too many ports is refused before anything is reserved', async t => {
	const {mutatePod, counts, reasons} = mutatorWith(unexpected);
	const object = podWith({annotations: {'hostport.io/base-port': '1024'}, containers: [{name: 'media', ports: Array.from({length: 129}, (_, index) => ({containerPort: 10_000 + index, protocol: 'UDP'}))}]});
	const request = {uid: 'a7c3', namespace: 'game', operation: 'CREATE', kind: {group: '', version: 'v1', kind: 'Pod'}, object};
	const {response} = await mutatePod({apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request}, never);
	t.like(response.status, {code: 403, reason: 'Forbidden'});
	t.regex(response.status?.message ?? '', /needs 129 port numbers, and one Pod gets at most 128.*--max-ports-per-pod/);
	t.deepEqual(await counts(), {...none, denied: 1});
	t.deepEqual(await reasons(), ['too_many_ports']);
});

const reviewOf = (object: unknown, operation = 'CREATE') => ({
	apiVersion: 'admission.k8s.io/v1',
	kind: 'AdmissionReview',
	request: {uid: 'a7c3', namespace: 'game', name: 'server-0', operation, kind: {group: '', version: 'v1', kind: 'Pod'}, object},
});

const unexpected = async () => {
	throw new TypeError('a Pod without ports needs nothing');
};

/** The log of one admission that must pass without ports. */
const logOf = async (object: unknown, operation = 'CREATE'): Promise<unknown[]> => {
	const lines: unknown[] = [];
	const mutate = createPodMutator({
		reserve: unexpected,
		dryRun: unexpected,
		namespaceLabels: unexpected,
		ranges: defaultRanges,
		maxPortsPerPod: 128,
		podSecurityCheck: 'deny',
		nodePortRange: [],
		namespace: 'gaming',
		logger: pino({level: 'debug', base: null, timestamp: false}, {write: line => lines.push(JSON.parse(line))}),
		metrics: createMetrics(),
	});
	await mutate(reviewOf(object, operation), AbortSignal.timeout(10_000));
	return lines;
};

const passes = test.macro(async (t, reason: string, ...review: Parameters<typeof logOf>) => {
	t.deepEqual(await logOf(...review), [{level: 20, uid: 'a7c3', namespace: 'game', name: 'server-0', reason, msg: 'passed without ports'}]);
});

test('the log says that a request does not create a Pod', passes, 'not the creation of a Pod', podWith(), 'UPDATE');
test('the log says that a Pod is not enabled', passes, 'not enabled', {metadata: {}});
test('the log says that a Pod is a mirror', passes, 'a mirror Pod', podWith({annotations: {'kubernetes.io/config.mirror': '0f5b'}}));
test('the log says that a Pod has no ports', passes, 'no ports', podWith({containers: []}));

test('a Pod that can\'t be on the host network is denied before anything is reserved or read', async t => {
	const mutate = createPodMutator({reserve: unexpected, dryRun: unexpected, namespaceLabels: unexpected, ranges: defaultRanges, maxPortsPerPod: 128, podSecurityCheck: 'deny', nodePortRange: [], namespace: 'gaming', logger: silent, metrics: createMetrics()});
	const {response} = await mutate(reviewOf(podWith({spec: {hostUsers: false}})), never);
	t.like(response, {allowed: false, status: {code: 400, reason: 'BadRequest'}});
});

test('a mirror Pod is not changed, and a warning says so', async t => {
	const {mutatePod, counts} = mutatorWith(unexpected);
	const {response} = await mutatePod(reviewOf(podWith({annotations: {'kubernetes.io/config.mirror': '0f5b'}})), never);
	t.deepEqual(response, {uid: 'a7c3', allowed: true, warnings: ['hostport.io: a static Pod runs already, so its mirror gets no host ports: remove the annotations from its manifest']});
	t.deepEqual(await counts(), {...none, allowed: 1});
});

test('the author is warned of a variable that tells another number', async t => {
	const {mutatePod} = mutatorWith(async () => [30_558]);
	const pod = podWith({containers: [{name: 'server', ports: [{name: 'grpc', containerPort: 9000}], env: [{name: 'HOSTPORT_GRPC', value: '30600'}]}]});
	const {response} = await mutatePod(reviewOf(pod), never);
	t.deepEqual(response.warnings, ['HOSTPORT_GRPC of container "server" is "30600", but the port is 30558: remove the variable']);
});

test('the author is warned of a number that does not follow', async t => {
	const {mutatePod} = mutatorWith(async () => [30_558]);
	const {response} = await mutatePod(reviewOf(podWith({annotations: {'prometheus.io/port': '9000'}})), never);
	t.deepEqual(response.warnings, ['annotation prometheus.io/port is "9000", but that port is 30558']);
});

const give = async () => [30_558];

/** Answers a Pod in a namespace with one PodSecurity level in the cache and another one now. */
const answerFor = async (podSecurityCheck: PodSecurityCheck, cached: string, now: string) => {
	const reads: string[] = [];
	const mutate = createPodMutator({
		reserve: give,
		dryRun: give,
		async namespaceLabels(namespace, _signal, {fresh} = {fresh: false}) {
			reads.push(`${namespace} ${fresh ? 'fresh' : 'cached'}`);
			return {'pod-security.kubernetes.io/enforce': fresh ? now : cached};
		},
		ranges: defaultRanges,
		maxPortsPerPod: 128,
		podSecurityCheck,
		nodePortRange: [{first: 30_000, last: 32_767}],
		namespace: 'gaming',
		logger: silent,
		metrics: createMetrics(),
	});
	const {response} = await mutate(reviewOf(podWith()), never);
	return {reads, response};
};

test('labels of the namespace are read afresh before a denial, and only then, with --pod-security-check=deny', async t => {
	const changed = await answerFor('deny', 'baseline', 'privileged');
	t.true(changed.response.allowed);
	t.deepEqual(changed.reads, ['game cached', 'game fresh']);
	const forbidden = await answerFor('deny', 'restricted', 'baseline');
	t.like(forbidden.response, {allowed: false, status: {code: 403}});
	t.regex(forbidden.response.status?.message ?? '', /"baseline", which forbids host ports/);
	const allowed = await answerFor('deny', 'privileged', 'baseline');
	t.true(allowed.response.allowed);
	t.deepEqual(allowed.reads, ['game cached']);
});

test('the labels of a namespace that forbid host ports cause a warning, with --pod-security-check=warn', async t => {
	const {response, reads} = await answerFor('warn', 'baseline', 'privileged');
	t.true(response.allowed && response.patch !== undefined);
	t.is(response.warnings?.[0], 'hostport.io: PodSecurity level "baseline" of this namespace forbids host ports, unless an exemption covers the Pod');
	t.deepEqual(reads, ['game cached']);
	t.notRegex(String((await answerFor('warn', 'privileged', 'baseline')).response.warnings), /PodSecurity/);
});

test('the author is warned of a number that a Service may get', async t => {
	const {response} = await answerFor('warn', 'privileged', 'privileged');
	t.deepEqual(response.warnings, ['hostport.io: a Service may get 30558 as its NodePort: a hostport.io/base-port outside 30000-32767 avoids it']);
});
