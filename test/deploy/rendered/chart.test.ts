/** The Helm chart installs the same objects as kustomize. */
import {execFile} from 'node:child_process';
import {readdir} from 'node:fs/promises';
import path from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {stringify} from 'yaml';
import {obtainBinaries} from '../../../harness/control-plane/obtain.ts';
import {parseManifests} from '../../../harness/manifests.ts';
import type {Manifest} from '../../../harness/manifests.ts';
import {deployFolder, helmTemplate, kustomize} from '../../../harness/rendering.ts';
import {temporaryFolder} from '../../helpers/temporary-folder.ts';
import {comparable} from './comparable.ts';
import {inOrder, writeOverlay} from './overlay.ts';

const overlay = (name: string) => path.join(deployFolder, 'overlays', name);

const composed = async (t: ExecutionContext, base: string, components: readonly string[]): Promise<string> =>
	kustomize(await writeOverlay(await temporaryFolder(t), base, components));

test('helm lint finds nothing', async t => {
	const {helm} = await obtainBinaries(['helm']);
	const {stdout} = await promisify(execFile)(helm, ['lint', '--strict', path.join(deployFolder, 'chart')]);
	t.notRegex(stdout, /WARNING|ERROR/);
	t.regex(stdout, /1 chart\(s\) linted, 0 chart\(s\) failed/);
});

for (const [what, args, kustomized] of [
	['without values renders overlays/default', [], async () => kustomize(overlay('default'))],
	['with certificate.source=cert-manager renders overlays/cert-manager', ['--set', 'certificate.source=cert-manager'], async () => kustomize(overlay('cert-manager'))],
	['with optIn=label renders overlays/opt-in-by-label', ['--set', 'optIn=label', '--kube-version', '1.24.0'], async () => kustomize(overlay('opt-in-by-label'))],
	['with networkPolicy.enabled renders the component network-policy', ['--set', 'networkPolicy.enabled=true'], async (t: ExecutionContext) => composed(t, overlay('default'), ['network-policy'])],
	['with clientCaConfigMap renders the component client-certificate', ['--set', 'clientCaConfigMap=hostport-operator-client-ca'], async (t: ExecutionContext) => composed(t, overlay('default'), ['client-certificate'])],
	['with webhook.port=10250 renders the component webhook-port-10250', ['--set', 'webhook.port=10250'], async (t: ExecutionContext) => composed(t, overlay('default'), ['webhook-port-10250'])],
	['with webhook.hostNetwork renders the component host-network', ['--set', 'webhook.hostNetwork=true'], async (t: ExecutionContext) => composed(t, overlay('default'), ['host-network'])],
	['with prometheus.enabled renders the component prometheus', ['--set', 'prometheus.enabled=true'], async (t: ExecutionContext) => composed(t, overlay('default'), ['prometheus'])],
	[
		'with all of these values renders all components',
		['--set', 'certificate.source=cert-manager,optIn=label,networkPolicy.enabled=true,prometheus.enabled=true,clientCaConfigMap=hostport-operator-client-ca,webhook.hostNetwork=true'],
		// On the host network, 10250 is the kubelet's.
		async (t: ExecutionContext) => composed(t, path.join(deployFolder, 'base'), inOrder(await readdir(path.join(deployFolder, 'components'))).filter(name => name !== 'webhook-port-10250')),
	],
	['with one replica and no extras renders the base', ['--set', 'replicas=1,admissionPolicies.enabled=false,flowControl.enabled=false,podDisruptionBudget.enabled=false,priorityClass.create=false,priorityClass.name='], async (t: ExecutionContext) => withSpread(await composed(t, path.join(deployFolder, 'base'), []))],
] as const) {
	test(`the chart ${what}`, async t => {
		t.deepEqual(comparable(await helmTemplate('operators', ...args)), comparable(await kustomized(t)));
	});
}

/** Adds the spread constraints that the chart always has. They make no difference to a single replica. */
const withSpread = (text: string): string => parseManifests(text).map(manifest => {
	if (manifest.kind !== 'Deployment') {
		return stringify(manifest);
	}

	const copy = structuredClone(manifest) as Manifest & {spec: {template: {spec: Record<string, unknown>}}};
	copy.spec.template.spec['topologySpreadConstraints'] = ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map(topologyKey => ({
		topologyKey, maxSkew: 1, whenUnsatisfiable: 'ScheduleAnyway', labelSelector: {matchLabels: {'app.kubernetes.io/name': 'hostport-operator'}},
	}));
	return stringify(copy);
}).join('---\n');

test('the chart does not mention "operators" when it is installed in another namespace', async t => {
	for (const source of ['operator', 'cert-manager']) {
		const text = await helmTemplate('games', '--set', `certificate.source=${source},prometheus.enabled=true`);
		t.notRegex(text, /\boperators\b/);
		t.regex(text, /values:\n\s+- games\n/);
	}
});
