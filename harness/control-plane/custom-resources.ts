/**
 * The definitions of cert-manager's and the Prometheus Operator's kinds, of which deploy/ has objects. They are part of Go
 * modules, so that Go downloads them, checks them against go.sum and keeps them.
 */
import {execFile} from 'node:child_process';
import path from 'node:path';
import {promisify} from 'node:util';

const certManager = 'github.com/cert-manager/cert-manager';
const prometheusOperator = 'github.com/prometheus-operator/prometheus-operator';

const definitions: Readonly<Record<string, readonly string[]>> = {
	[certManager]: ['deploy/crds/cert-manager.io_certificates.yaml', 'deploy/crds/cert-manager.io_issuers.yaml'],
	[prometheusOperator]: [
		'example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml',
		'example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml',
	],
};

/**
 * The paths of the files with the CustomResourceDefinitions. The first call downloads 8 MB.
 *
 * @throws what Go prints when it fails, or an ENOENT without Go.
 */
export const obtainCustomResources = async (): Promise<string[]> => {
	const {stdout} = await promisify(execFile)('go', ['mod', 'download', '-json', ...Object.keys(definitions)], {
		cwd: path.join(import.meta.dirname, 'build', 'custom-resources'),
		env: {...process.env, GOTOOLCHAIN: process.env['GOTOOLCHAIN'] ?? 'local'},
	});
	// Go prints one JSON object after the other.
	const modules = stdout.trim().split(/\n(?=\{)/).map(text => JSON.parse(text) as {readonly Path: string; readonly Dir: string});
	return modules.flatMap(({Path: name, Dir: folder}) => (definitions[name] ?? []).map(file => path.join(folder, file)));
};
