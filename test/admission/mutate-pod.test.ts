import test from 'ava';
import pino from 'pino';
import {createPodMutator} from '../../src/admission/mutate-pod.ts';
import {defaultRanges, podWith} from '../helpers/pods.ts';

const unexpected = async () => {
	throw new TypeError('a Pod without ports needs nothing');
};

/** The log of one admission that must pass without ports. */
const logOf = async (object: unknown, operation = 'CREATE'): Promise<unknown[]> => {
	const lines: unknown[] = [];
	const mutate = createPodMutator({
		reserve: unexpected,
		preview: unexpected,
		namespaceLabels: unexpected,
		ranges: defaultRanges,
		logger: pino({level: 'debug', base: null, timestamp: false}, {write: line => lines.push(JSON.parse(line))}),
	});
	await mutate({
		apiVersion: 'admission.k8s.io/v1',
		kind: 'AdmissionReview',
		request: {uid: 'a7c3', namespace: 'game', name: 'server-0', operation, kind: {group: '', version: 'v1', kind: 'Pod'}, object},
	}, AbortSignal.timeout(10_000));
	return lines;
};

const passes = test.macro(async (t, reason: string, ...review: Parameters<typeof logOf>) => {
	t.deepEqual(await logOf(...review), [{level: 20, namespace: 'game', name: 'server-0', reason, msg: 'passed without ports'}]);
});

test('the log says that a request does not create a Pod', passes, 'not the creation of a Pod', podWith(), 'UPDATE');
test('the log says that a Pod is not enabled', passes, 'not enabled', {metadata: {}});
test('the log says that a Pod has no ports', passes, 'no ports', podWith({containers: []}));
