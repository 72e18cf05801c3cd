import test from 'ava';
import {readChoice, UsageError} from '../../scripts/demo/choose-cluster.ts';
import {assertLoopback} from '../../scripts/demo/named-cluster.ts';

test('the cluster of KUBECONFIG is used with --use-cluster only', t => {
	const env = {KUBECONFIG: '/home/user/.kube/production'};
	t.is(readChoice({useCluster: false, embedded: false}, env), undefined);
	t.deepEqual(readChoice({useCluster: true, embedded: false}, env), {kind: 'named', kubeconfig: '/home/user/.kube/production'});
	t.deepEqual(readChoice({useCluster: false, embedded: true}, env), {kind: 'embedded'});
});

test('--use-cluster without KUBECONFIG, or with --embedded, is wrong usage', t => {
	t.throws(() => readChoice({useCluster: true, embedded: false}, {}), {instanceOf: UsageError, message: /KUBECONFIG/});
	t.throws(() => readChoice({useCluster: true, embedded: true}, {KUBECONFIG: 'x'}), {instanceOf: UsageError, message: /exclude each other/});
});

for (const server of ['https://127.0.0.1:6443', 'https://127.1.2.3:6443', 'https://localhost:6443', 'https://[::1]:6443']) {
	test(`the demo runs in a cluster at ${server}`, t => {
		t.notThrows(() => assertLoopback(server));
	});
}

for (const server of ['https://10.0.0.1:6443', 'https://cluster.example.com', 'https://127.example.com', 'https://[fd00::1]:6443']) {
	test(`the demo does not run in a cluster at ${server}`, t => {
		t.throws(() => assertLoopback(server), {message: /is not on this machine.*kubectl apply -k deploy\/overlays\/default/});
	});
}
