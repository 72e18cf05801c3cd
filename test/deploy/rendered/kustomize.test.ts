/** What kustomize renders from deploy/. */
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
