/** The ValidatingAdmissionPolicies follow the webhook and the namespace of the installation. */
import {mkdir, readdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {stringify} from 'yaml';
import {parseManifests} from '../../../harness/manifests.ts';
import type {Manifest} from '../../../harness/manifests.ts';
import {deployFolder, helmTemplate, kustomize} from '../../../harness/rendering.ts';
import {temporaryFolder} from '../../helpers/temporary-folder.ts';
import {writeOverlay} from './overlay.ts';

type Selectors = {readonly namespaceSelector?: object; readonly objectSelector?: object};
type Webhook = Selectors & {readonly rules: readonly object[]; readonly matchConditions?: readonly object[]};
type Policy = Manifest & {readonly spec: {
	readonly matchConstraints: Selectors & {readonly resourceRules: readonly object[]};
	readonly matchConditions: readonly object[];
}};

const policyNames = ['ledger', 'own-webhook', 'own-writes', 'pods'].map(name => `hostport-operator-${name}`);

const namesOf = (objects: readonly Manifest[], kind: string) => objects.filter(object => object.kind === kind).map(({metadata}) => metadata.name ?? '').toSorted((a, b) => a.localeCompare(b));
const policyOf = (objects: readonly Manifest[], name: string) => objects.find(({kind, metadata}) => kind === 'ValidatingAdmissionPolicy' && metadata.name === `hostport-operator-${name}`) as Policy;
const webhookOf = (objects: readonly Manifest[]) => (objects.find(({kind}) => kind === 'MutatingWebhookConfiguration') as unknown as {webhooks: [Webhook]}).webhooks[0];

test('every overlay has all policies and their bindings, or none of them', async t => {
	const withPolicies: string[] = [];
	for (const name of await readdir(path.join(deployFolder, 'overlays'))) {
		const objects = parseManifests(await kustomize(path.join(deployFolder, 'overlays', name)));
		const policies = namesOf(objects, 'ValidatingAdmissionPolicy');
		t.deepEqual(namesOf(objects, 'ValidatingAdmissionPolicyBinding'), policies);
		t.deepEqual(policies, policies.length > 0 ? policyNames : []);
		if (policies.length > 0) {
			withPolicies.push(name);
		}
	}

	t.deepEqual(withPolicies.toSorted(), ['cert-manager', 'default']);
});

test('the policy for Pods looks at the Pods that the webhook is called for', async t => {
	const optInByLabel = await writeOverlay(await temporaryFolder(t), path.join(deployFolder, 'base'), ['admission-policies', 'opt-in-by-label']);
	for (const text of [
		await kustomize(path.join(deployFolder, 'overlays', 'default')),
		await kustomize(optInByLabel),
		await helmTemplate('games', '--set', 'excludedNamespaces={storage}'),
		await helmTemplate('games', '--set', 'optIn=label'),
	]) {
		const objects = parseManifests(text);
		const {rules, namespaceSelector, objectSelector, matchConditions = []} = webhookOf(objects);
		const {spec} = policyOf(objects, 'pods');
		t.deepEqual(spec.matchConstraints, {resourceRules: rules, namespaceSelector, ...(objectSelector && {objectSelector})} as typeof spec.matchConstraints);
		t.deepEqual(matchConditions, spec.matchConditions.slice(0, matchConditions.length));
		t.true(matchConditions.length > 0 || objectSelector !== undefined);
	}
});

test('the policy for the ledger follows the namespace of a user\'s overlay and of a release', async t => {
	const folder = path.join(await temporaryFolder(t), 'games');
	await mkdir(folder);
	await writeFile(path.join(folder, 'kustomization.yaml'), stringify({namespace: 'games', resources: [path.relative(folder, path.join(deployFolder, 'overlays', 'default'))]}));
	for (const text of [await kustomize(folder), await helmTemplate('games')]) {
		const objects = parseManifests(text);
		t.deepEqual(policyOf(objects, 'ledger').spec.matchConstraints.namespaceSelector, {matchLabels: {'kubernetes.io/metadata.name': 'games'}});
		for (const name of ['ledger', 'own-writes', 'own-webhook']) {
			t.notRegex(JSON.stringify(policyOf(objects, name)), /\boperators\b/);
		}
	}
});

test('the chart has no policies on Kubernetes 1.29, and none if they are switched off', async t => {
	for (const args of [['--kube-version', '1.29.9'], ['--set', 'admissionPolicies.enabled=false']]) {
		t.notRegex(await helmTemplate('operators', ...args), /ValidatingAdmissionPolicy/);
	}

	t.regex(await helmTemplate('operators', '--kube-version', '1.30.0'), /kind: ValidatingAdmissionPolicyBinding/);
});
