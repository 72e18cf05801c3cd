/**
 * deploy/base gives the product exactly the rights that it uses. The test makes the product do everything it can, and compares
 * the API server's audit log with the rules, right by right.
 */
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {startControlPlane} from '../../harness/control-plane/start.ts';
import type {ControlPlane} from '../../harness/control-plane/start.ts';
import {createKubeClient} from '../../harness/kube-client.ts';
import type {KubeClient} from '../../harness/kube-client.ts';
import {readManifests} from '../../harness/manifests.ts';
import {serviceAccount} from '../../harness/product-objects.ts';
import {install} from '../../harness/replicas.ts';
import {missingRight} from '../../src/kubernetes/missing-right.ts';
import {temporaryFolder} from '../helpers/temporary-folder.ts';
import {auditOf} from './helpers/audit.ts';
import type {AuditedRequest} from './helpers/audit.ts';
import {allowBuild} from './helpers/fixture.ts';
import {enabled, podsPath} from './helpers/pods.ts';
import {untilFound} from './helpers/until.ts';

type Rule = {readonly apiGroups: string[]; readonly resources: string[]; readonly verbs: string[]; readonly resourceNames?: string[]};

/** One verb on one kind of object, with one name or with any. */
type Right = {readonly role: string; readonly apiGroup: string; readonly resource: string; readonly verb: string; readonly name: string | undefined};

const rolesPaths = ['/apis/rbac.authorization.k8s.io/v1/namespaces/operators/roles', '/apis/rbac.authorization.k8s.io/v1/clusterroles'];

/** A certificate of 15 s is renewed before the test is over. */
const flags = ['--hold-time', '4s', '--api-request-timeout', '2s', '--certificate-lifetime', '15s'];

test('the product uses each of its rights, needs no others, and names one that is missing', async t => {
	allowBuild(t);
	const audit = await auditOf(serviceAccount.user, await temporaryFolder(t));
	await using controlPlane = await startControlPlane({workloads: false, apiServerFlags: audit.apiServerFlags, onProgress: line => t.log(line)});
	await using client = await createKubeClient(controlPlane.kubeconfigPath);
	const kubeconfig = await controlPlane.kubeconfigFor(serviceAccount);
	await using installation = await install({client, kubeconfig, directory: `${controlPlane.directory}/replicas`, replicas: 2, flags});
	await exerciseAll(client);

	const rights = await grantedRights(client);
	const requests = await untilFound(async () => {
		const seen = await audit.requests();
		return rights.every(right => usesOf(right, seen).length > 0) ? seen : undefined;
	}, 'each right to be used').catch(async () => audit.requests());
	await installation.stop();

	t.deepEqual(rights.filter(right => usesOf(right, requests).length === 0).map(inWords), [], 'The product never uses these rights.');
	t.deepEqual(requests.filter(({decision}) => decision !== 'allow'), [], 'These requests were refused.');
	t.deepEqual(rights.filter(right => couldBeNamed(right, requests)).map(inWords), [], 'These rights could be given by name.');
	t.log(`${rights.length} rights, ${requests.length} requests`);

	await using operator = await createKubeClient(kubeconfig);
	for (const right of rights) {
		await assertNeeded(t, {client, operator, right, request: usesOf(right, requests)[0]!});
	}

	await emptyLedger(client);
	for (const file of ['service.yaml', 'webhook.yaml']) {
		for (const manifest of await readManifests(new URL(`../../deploy/base/${file}`, import.meta.url))) {
			await client.apply(manifest, 'operators');
		}
	}

	for (const [resource, verb] of [['configmaps', 'create'], ['pods', 'list'], ['leases', 'get']] as const) {
		await assertToldAtStart(t, {controlPlane, client, kubeconfig, resource, verb});
	}
});

/** Allocates ports in two namespaces, on two pages, and makes a duplicate by a Pod with a port of its own. */
const exerciseAll = async (client: KubeClient): Promise<void> => {
	for (const [namespace, base] of [['games', '20000'], ['media', '21000']] as const) {
		await client.request('POST', '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name: namespace}});
		await client.request('POST', podsPath(namespace), pod('server', {annotations: {...enabled, 'hostport.io/base-port': base}}));
	}

	await client.request('POST', podsPath('default'), pod('unmanaged', {hostPort: 20_000}));
	await client.request('POST', podsPath('default'), pod('without-host-ports', {}));
	for (const name of ['web', 'mail']) {
		await client.request('POST', '/api/v1/namespaces/default/services', {apiVersion: 'v1', kind: 'Service', metadata: {name}, spec: {ports: [{port: 80}]}});
	}

	await untilFound(async () => {
		const {items} = await client.request<{items: Array<{reason: string}>}>('GET', '/api/v1/namespaces/games/events');
		return items.find(({reason}) => reason === 'DuplicateHostPort');
	}, 'an Event about the duplicate');
};

const pod = (name: string, {annotations = {}, hostPort}: {annotations?: Record<string, string>; hostPort?: number}) => ({
	apiVersion: 'v1',
	kind: 'Pod',
	metadata: {name, annotations},
	spec: {containers: [{name: 'main', image: 'none', ports: [{name: 'game', containerPort: 8080, ...(hostPort && {hostPort})}]}]},
});

const rulesOf = async (client: KubeClient, role: string): Promise<Rule[]> => (await client.request<{rules: Rule[]}>('GET', role)).rules;

/** All rights that the installation's Roles and ClusterRoles give. */
const grantedRights = async (client: KubeClient): Promise<Right[]> => {
	const rights: Right[] = [];
	for (const path of rolesPaths) {
		const {items} = await client.request<{items: Array<{metadata: {name: string}; rules: Rule[]}>}>('GET', `${path}?labelSelector=app.kubernetes.io/name%3Dhostport-operator`);
		for (const {metadata, rules} of items) {
			rights.push(...rules.flatMap(rule => rightsOf(`${path}/${metadata.name}`, rule)));
		}
	}

	return rights;
};

const rightsOf = (role: string, {apiGroups, resources, verbs, resourceNames}: Rule): Right[] =>
	apiGroups.flatMap(apiGroup => resources.flatMap(resource => verbs.flatMap(verb =>
		(resourceNames ?? [undefined]).map(name => ({role, apiGroup, resource, verb, name})))));

const usesOf = (right: Right, requests: readonly AuditedRequest[]): AuditedRequest[] => requests.filter(({apiGroup, resource, verb, name}) =>
	apiGroup === right.apiGroup && resource === right.resource && verb === right.verb && (right.name === undefined || name === right.name));

/** Whether a right to objects of any name was used for one name only. A created object has no name yet when rights are checked. */
const couldBeNamed = (right: Right, requests: readonly AuditedRequest[]): boolean => {
	const names = new Set(usesOf(right, requests).map(({name}) => name));
	return right.name === undefined && right.verb !== 'create' && names.size === 1 && !names.has(undefined);
};

const inWords = ({verb, resource, name}: Right): string => `${verb} ${resource}${name ? ` "${name}"` : ''}`;

const without = (rules: readonly Rule[], {resource, verb, name}: Pick<Right, 'resource' | 'verb' | 'name'>): Rule[] => rules.flatMap(rule => {
	if (!rule.resources.includes(resource) || !rule.verbs.includes(verb) || (name !== undefined && !rule.resourceNames?.includes(name))) {
		return [rule];
	}

	const others = rule.resourceNames?.filter(other => other !== name) ?? [];
	return [
		{...rule, verbs: rule.verbs.filter(other => other !== verb)},
		{...rule, resources: rule.resources.filter(other => other !== resource), verbs: [verb]},
		...(name !== undefined ? [{...rule, resourceNames: others, resources: [resource], verbs: [verb]}] : []),
	].filter(({resources, verbs, resourceNames}) => resources.length > 0 && verbs.length > 0 && resourceNames?.length !== 0);
});

/** Removes the right while `work` runs. */
const withoutRight = async (client: KubeClient, right: Omit<Right, 'apiGroup'>, work: () => Promise<void>): Promise<void> => {
	const replaceRules = async (rules: readonly Rule[]) => client.request('PATCH', right.role, {rules}, 'application/merge-patch+json');
	const rules = await rulesOf(client, right.role);
	await replaceRules(without(rules, right));
	try {
		await work();
	} finally {
		await replaceRules(rules);
	}
};

type Needed = {readonly client: KubeClient; readonly operator: KubeClient; readonly right: Right; readonly request: AuditedRequest};

/** Expects that a request by this right is refused without it, and allowed with it. The API server notices each change after a moment. */
const assertNeeded = async (t: ExecutionContext, {client, operator, right, request}: Needed): Promise<void> => {
	const untilStatus = async (isExpected: (status: number) => boolean) => untilFound(async () => {
		const answer = await repeat(operator, request);
		return isExpected(answer.status) ? answer.body : undefined;
	}, `another answer to ${inWords(right)}`);
	await untilStatus(status => status !== 403);
	await withoutRight(client, right, async () => {
		const {message = ''} = await untilStatus(status => status === 403);
		const sentence = missingRight(message, 'operators') ?? '';
		t.true(sentence.includes(`add the rule {apiGroups: ["${right.apiGroup}"], resources: ["${right.resource}"], verbs: ["${right.verb}"]}`), `${inWords(right)}: ${message}`);
		t.true(sentence.includes(right.role.includes('clusterroles') ? 'to the ClusterRole' : 'to the Role'), sentence);
	});
};

/** Sends a request again, in a form that changes nothing. Rights are checked first, so the answer shows them. */
const repeat = async (operator: KubeClient, {verb, uri}: AuditedRequest) => {
	const [path = '', query = ''] = uri.split('?');
	switch (verb) {
		case 'create': {
			return operator.send<{message?: string}>('POST', `${path}?dryRun=All`, {});
		}

		case 'patch': {
			return operator.send<{message?: string}>('PATCH', `${path}?dryRun=All`, {}, 'application/merge-patch+json');
		}

		case 'watch': {
			// For one second and for a label that no object has, so that there are no events.
			return operator.send<{message?: string}>('GET', `${path}?${query.replace(/timeoutSeconds=\d+/, 'timeoutSeconds=1')}&labelSelector=none`);
		}

		default: {
			return operator.send<{message?: string}>('GET', uri);
		}
	}
};

/** Deletes ledger and Leases, so that the next replica has to create them. */
const emptyLedger = async (client: KubeClient): Promise<void> => {
	await client.request('DELETE', '/api/v1/namespaces/operators/configmaps?labelSelector=hostport.io/ledger');
	await client.request('DELETE', '/apis/coordination.k8s.io/v1/namespaces/operators/leases');
};

type Told = {readonly controlPlane: ControlPlane; readonly client: KubeClient; readonly kubeconfig: string; readonly resource: string; readonly verb: string};

/** Expects that a replica without the right does not get ready, and that its log names the rule. */
const assertToldAtStart = async (t: ExecutionContext, {controlPlane, client, kubeconfig, resource, verb}: Told): Promise<void> => {
	const right = (await grantedRights(client)).find(candidate => candidate.resource === resource && candidate.verb === verb)!;
	await withoutRight(client, {...right, name: undefined}, async () => {
		const told = new AbortController();
		const sentences: string[] = [];
		const directory = `${controlPlane.directory}/without-${verb}-${resource}`;
		await t.throwsAsync(install({
			client, kubeconfig, directory, replicas: 1, flags, behindService: true,
			signal: told.signal,
			onLog({level, msg}) {
				if (level === 'error') {
					sentences.push(msg);
					told.abort(new Error('told'));
				}
			},
		}), {message: 'told'});
		t.true(sentences[0]?.startsWith(`the operator may not ${verb} ${resource}`), sentences[0]);
	});
};
