/**
 * The kinds of others that deploy/ makes objects of: cert-manager's and the Prometheus Operator's. Their definitions come with
 * their Go modules, and so from wherever a control plane's programs come from. Go keeps them, and checks them against go.sum.
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
 * The files with the CustomResourceDefinitions. 8 MB are downloaded the first time.
 *
 * @throws what Go says where it can't, and an ENOENT where there is no Go.
 */
export const obtainCustomResources = async (): Promise<string[]> => {
	const {stdout} = await promisify(execFile)('go', ['mod', 'download', '-json', ...Object.keys(definitions)], {
		cwd: path.join(import.meta.dirname, 'build', 'custom-resources'),
		env: {...process.env, GOTOOLCHAIN: process.env['GOTOOLCHAIN'] ?? 'local'},
	});
	// One object after the other.
	const modules = stdout.trim().split(/\n(?=\{)/).map(text => JSON.parse(text) as {readonly Path: string; readonly Dir: string});
	return modules.flatMap(({Path: name, Dir: folder}) => (definitions[name] ?? []).map(file => path.join(folder, file)));
};
