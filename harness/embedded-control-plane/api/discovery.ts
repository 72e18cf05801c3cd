/** What clients such as kubectl ask before they send requests for objects: versions, groups, kinds, and health. */
import {kubernetesVersion} from '../../control-plane/binaries.ts';
import {kinds} from '../../in-memory-api/kinds.ts';
import type {Kind} from '../../in-memory-api/kinds.ts';
import {openApiIndex, openApiOf} from './open-api.ts';

/** The version that the embedded control plane imitates, marked as an imitation. */
export const embeddedVersion = `${kubernetesVersion}+embedded`;

/** The answer to a GET that names no kind of object; undefined for all other paths. */
export const discover = (path: string): unknown => {
	const [pathname = ''] = path.split('?');
	return documents.get(pathname.replace(/(?<=.)\/$/, ''));
};

const shortNames: Readonly<Record<string, readonly string[]>> = {
	configmaps: ['cm'], deployments: ['deploy'], events: ['ev'], namespaces: ['ns'], nodes: ['no'], pods: ['po'],
	replicasets: ['rs'], serviceaccounts: ['sa'], services: ['svc'], statefulsets: ['sts'],
};

/** Kinds that `kubectl get all` shows. */
const inAll = new Set(['pods', 'services', 'deployments', 'replicasets', 'statefulsets']);

const subresources: Readonly<Record<string, readonly string[]>> = {
	pods: ['status'], nodes: ['status'], namespaces: ['status'], deployments: ['status', 'scale'], replicasets: ['status', 'scale'], statefulsets: ['status', 'scale'],
};

const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? apiVersion.split('/')[0]! : '');

const resourcesOf = ({kind, resource, isNamespaced}: Kind): readonly object[] => [
	{
		name: resource,
		singularName: kind.toLowerCase(),
		namespaced: isNamespaced,
		kind,
		verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
		...(shortNames[resource] && {shortNames: shortNames[resource]}),
		...(inAll.has(resource) && {categories: ['all']}),
	},
	...(subresources[resource] ?? []).map(name => Object.assign(
		{name: `${resource}/${name}`, singularName: '', namespaced: isNamespaced, verbs: ['get', 'patch', 'update']},
		name === 'scale' ? {kind: 'Scale', group: 'autoscaling', version: 'v1'} : {kind},
	)),
];

const apiVersions = [...new Set(kinds.map(({apiVersion}) => apiVersion))];

const groups = apiVersions.filter(apiVersion => groupOf(apiVersion) !== '').map(groupVersion => {
	const [name, version] = groupVersion.split('/');
	return {name, versions: [{groupVersion, version}], preferredVersion: {groupVersion, version}};
});

const [, major = '', minor = ''] = /^v(\d+)\.(\d+)\./.exec(kubernetesVersion) ?? [];

const rootOf = (apiVersion: string): string => (groupOf(apiVersion) === '' ? `/api/${apiVersion}` : `/apis/${apiVersion}`);

const documents: ReadonlyMap<string, unknown> = new Map<string, unknown>([
	['/version', {major, minor, gitVersion: embeddedVersion, gitCommit: '', gitTreeState: '', buildDate: '', goVersion: '', compiler: '', platform: `${process.platform}/${process.arch}`}],
	...['/healthz', '/livez', '/readyz'].map((path): [string, unknown] => [path, 'ok']),
	['/api', {kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: []}],
	['/apis', {kind: 'APIGroupList', apiVersion: 'v1', groups}],
	...groups.map((group): [string, unknown] => [`/apis/${group.name}`, {kind: 'APIGroup', apiVersion: 'v1', ...group}]),
	...apiVersions.map((groupVersion): [string, unknown] => [rootOf(groupVersion), {
		kind: 'APIResourceList',
		apiVersion: 'v1',
		groupVersion,
		resources: kinds.filter(({apiVersion}) => apiVersion === groupVersion).flatMap(kind => resourcesOf(kind)),
	}]),
	['/openapi/v3', openApiIndex(apiVersions.map(apiVersion => rootOf(apiVersion)))],
	...apiVersions.map((apiVersion): [string, unknown] => [`/openapi/v3${rootOf(apiVersion)}`, openApiOf(rootOf(apiVersion), kinds.filter(kind => kind.apiVersion === apiVersion))]),
]);
