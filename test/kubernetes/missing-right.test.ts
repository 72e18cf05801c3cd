import test from 'ava';
import {createMissingRightLog, missingRight} from '../../src/kubernetes/missing-right.ts';

const user = 'User "system:serviceaccount:operators:hostport-operator"';
const everywhere = `GET /api/v1/pods: 403 pods is forbidden: ${user} cannot list resource "pods" in API group "" at the cluster scope`;

test('a right in the whole cluster belongs in the ClusterRole', t => {
	t.is(missingRight(everywhere, 'operators'), 'the operator may not list pods: add the rule {apiGroups: [""], resources: ["pods"], verbs: ["list"]} '
		+ 'to the ClusterRole of the operator, which must be bound to "system:serviceaccount:operators:hostport-operator"');
});

test('a right in the operator\'s namespace belongs in its Role there', t => {
	const message = `PATCH /apis/…: 403 leases.coordination.k8s.io "hostport-ledger" is forbidden: ${user} cannot patch resource "leases" in API group "coordination.k8s.io" in the namespace "operators"`;
	t.is(missingRight(message, 'operators'), 'the operator may not patch leases in the namespace "operators": add the rule {apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["patch"]} '
		+ 'to the Role of the operator in the namespace "operators", which must be bound to "system:serviceaccount:operators:hostport-operator"');
});

test('a right in another namespace belongs in the ClusterRole', t => {
	t.regex(missingRight(`403 events is forbidden: ${user} cannot create resource "events" in API group "" in the namespace "games"`, 'operators') ?? '', /may not create events in the namespace "games": .* to the ClusterRole of/);
});

for (const message of [
	'403 pods "a" is forbidden: exceeded quota: compute, requested: pods=1',
	'403 configmaps "a" is forbidden: unable to create new content in namespace operators because it is being terminated',
	'503 no',
	'',
]) {
	test(`"${message}" is not about a missing right`, t => {
		t.is(missingRight(message, 'operators'), undefined);
	});
}

test('a missing right is logged at once, and then once a minute', t => {
	let now = 0;
	const lines: string[] = [];
	const log = createMissingRightLog('operators', {now: () => now}, {error: (line: string) => void lines.push(line)});
	for (const at of [0, 1000, 59_999, 60_000, 61_000]) {
		now = at;
		log(everywhere);
		log('403 something else');
	}

	t.is(lines.length, 2);
	log(everywhere.replace('list', 'watch'));
	t.is(lines.length, 3);
});
