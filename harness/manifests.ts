/** What kustomize and helm make of the files in deploy/. */
import {execFile} from 'node:child_process';
import path from 'node:path';
import {promisify} from 'node:util';
import {obtainBinaries} from './control-plane/obtain.ts';

export const deployFolder = path.join(import.meta.dirname, '..', 'deploy');

/** The whole installation in one file, as it is committed. */
export const installFile = path.join(deployFolder, 'install.yaml');

/** The text of `install.yaml`, made from `overlays/default`. Throws what kustomize says where it can't. */
export const renderInstallFile = async (): Promise<string> => `# The whole installation: kubectl apply -f install.yaml
# Made from overlays/default by "npm run render"; change that, and not this.
${await kustomize(path.join(deployFolder, 'overlays', 'default'))}`;

/** What the chart has a copy of, for Helm reads nothing outside of the chart: from and to, below `deploy/`. */
export const chartFiles = ['prometheus-rule.yaml', 'dashboard.json'].map(name => ({
	source: path.join(deployFolder, 'components', 'prometheus', name),
	copy: path.join(deployFolder, 'chart', 'files', name),
}));

/** The YAML that a folder with a kustomization.yaml renders to. Throws what kustomize says where it can't. */
export const kustomize = async (folder: string): Promise<string> => {
	const {kubectl} = await obtainBinaries(['kubectl']);
	const {stdout} = await run(kubectl, ['kustomize', folder]);
	return stdout;
};

/** The YAML that the chart renders to. Throws what helm says where it can't. */
export const helmTemplate = async (namespace: string, ...args: readonly string[]): Promise<string> => {
	const {helm} = await obtainBinaries(['helm']);
	const {stdout} = await run(helm, ['template', 'hostport-operator', path.join(deployFolder, 'chart'), '--namespace', namespace, ...args]);
	return stdout;
};

const run = promisify(execFile);
