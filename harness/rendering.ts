/** Renders the files in deploy/ by kustomize and helm, and names the files there that are made from others. */
import {execFile} from 'node:child_process';
import path from 'node:path';
import {promisify} from 'node:util';
import {obtainBinaries} from './control-plane/obtain.ts';

export const deployFolder = path.join(import.meta.dirname, '..', 'deploy');

/** The whole installation in one file, as it is committed. */
export const installFile = path.join(deployFolder, 'install.yaml');

/**
 * Renders `overlays/default` to the text of `install.yaml`.
 *
 * @throws what kustomize prints when it fails.
 */
export const renderInstallFile = async (): Promise<string> => `# The whole installation: kubectl apply -f install.yaml
# Made from overlays/default by "npm run render"; change that, and not this.
${await kustomize(path.join(deployFolder, 'overlays', 'default'))}`;

/** The chart's copies of files of deploy/: Helm can't read files outside of the chart. */
export const chartFiles = [
	...['prometheus-rule.yaml', 'dashboard.json'].map(name => ({
		source: path.join(deployFolder, 'components', 'prometheus', name),
		copy: path.join(deployFolder, 'chart', 'files', name),
	})),
	...['ledger.yaml', 'pods.yaml', 'own-writes.yaml', 'own-webhook.yaml'].map(name => ({
		source: path.join(deployFolder, 'components', 'admission-policies', name),
		copy: path.join(deployFolder, 'chart', 'files', 'admission-policies', name),
	})),
];

/**
 * Renders a folder that has a kustomization.yaml. Removes the namespace that kustomize up to 5.8 gives to
 * ValidatingAdmissionPolicies (https://github.com/kubernetes-sigs/kustomize/issues/6051): they have none, and the API server
 * ignores it.
 *
 * @throws what kustomize prints when it fails.
 */
export const kustomize = async (folder: string): Promise<string> => {
	const {kubectl} = await obtainBinaries(['kubectl']);
	const {stdout} = await run(kubectl, ['kustomize', folder]);
	return stdout.split('---\n').map(text => /^kind: ValidatingAdmissionPolicy/m.test(text) ? text.replace(/^ {2}namespace: .*\n/m, '') : text).join('---\n');
};

/**
 * Renders the chart, without the Pod of `helm test`.
 *
 * @throws what helm prints when it fails, as `stderr`.
 */
export const helmTemplate = async (namespace: string, ...args: readonly string[]): Promise<string> => {
	const {helm} = await obtainBinaries(['helm']);
	const {stdout} = await run(helm, ['template', 'hostport-operator', path.join(deployFolder, 'chart'), '--namespace', namespace, '--skip-tests', ...args]);
	return stdout;
};

const run = promisify(execFile);
