/** What kustomize renders from deploy/. */
import {readdirSync} from 'node:fs';
import {readdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {parseManifests} from '../../../harness/manifests.ts';
import {deployFolder, installFile, kustomize, renderInstallFile} from '../../../harness/rendering.ts';
import {temporaryFolder} from '../../helpers/temporary-folder.ts';
import {identityOf} from './comparable.ts';
import {inOrder, writeOverlay} from './overlay.ts';

test('install.yaml is up to date with overlays/default (npm run render)', async t => {
	t.deepEqual(parseManifests(await readFile(installFile, 'utf8')), parseManifests(await renderInstallFile()));
});

test('the base can be combined with each component, and with all of them', async t => {
	const all = inOrder(await readdir(path.join(deployFolder, 'components')));
	for (const components of [...all.map(name => [name]), all]) {
		const objects = parseManifests(await kustomize(await writeOverlay(await temporaryFolder(t), path.join(deployFolder, 'base'), components)));
		const identities = objects.map(identityOf);
		t.is(new Set(identities).size, identities.length, components.join(', '));
	}
});

for (const [what, base, components] of [
	...readdirSync(path.join(deployFolder, 'overlays')).map(name => [`overlays/${name}`, path.join(deployFolder, 'overlays', name), []] as const),
	// The texts of the alerts name a namespace, which kustomize can't change.
	['all components but prometheus', path.join(deployFolder, 'base'), inOrder(readdirSync(path.join(deployFolder, 'components')).filter(name => name !== 'prometheus'))],
] as const) {
	test(`"namespace:" of a user's overlay takes ${what} to another namespace`, async t => {
		const [here, there] = await Promise.all(['operators', 'ports'].map(async namespace => kustomize(await writeOverlay(await temporaryFolder(t), base, components, namespace))));
		t.deepEqual(byIdentity(there!), byIdentity(here!.replaceAll(/\boperators\b/g, 'ports')));
		t.notRegex(there!, /\boperators\b/);
	});
}

/** Kustomize sorts by namespace and name. */
const byIdentity = (text: string) => Object.fromEntries(parseManifests(text).map(manifest => [identityOf(manifest), manifest] as const));

test('every object of an overlay but the namespace has the recommended labels', async t => {
	const {version} = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8')) as {version: string};
	for (const name of await readdir(path.join(deployFolder, 'overlays'))) {
		for (const manifest of parseManifests(await kustomize(path.join(deployFolder, 'overlays', name)))) {
			const {labels} = manifest.metadata as {readonly labels?: object};
			t.like(labels, {'app.kubernetes.io/part-of': 'hostport-operator', 'app.kubernetes.io/version': version}, identityOf(manifest));
			t.is('app.kubernetes.io/name' in labels!, manifest.kind !== 'Namespace', identityOf(manifest));
		}
	}
});

test('every overlay calls the webhook only for new Pods that ask, outside system namespaces', async t => {
	for (const name of await readdir(path.join(deployFolder, 'overlays'))) {
		const objects = parseManifests(await kustomize(path.join(deployFolder, 'overlays', name)));
		const configuration = objects.find(({kind}) => kind === 'MutatingWebhookConfiguration') as unknown as {webhooks: Array<Record<string, unknown>>};
		t.is(configuration.webhooks.length, 1);
		for (const {rules, matchConditions, objectSelector, namespaceSelector, failurePolicy} of configuration.webhooks) {
			t.deepEqual(rules, [{apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: 'Namespaced'}]);
			t.is(failurePolicy, 'Fail');
			t.true(Boolean(matchConditions) !== Boolean(objectSelector), name);
			t.deepEqual(namespaceSelector, {matchExpressions: [{
				key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['operators', 'kube-system', 'kube-public', 'kube-node-lease'],
			}]});
		}
	}
});
