/** The subresources `status` and `scale`. */
import type {ApiAnswer, ApiRequest} from '../../in-memory-api/answers.ts';
import type {ApiServer} from '../../in-memory-api/api-server.ts';
import type {Stored} from '../../in-memory-api/kinds.ts';
import {parsePath} from '../../in-memory-api/target.ts';

export type Subresource = {
	readonly name: 'status' | 'scale';
	/** With the query. */
	readonly objectPath: string;
};

/** Undefined for a path that names an object, or a kind. */
export const subresourceOf = (path: string): Subresource | undefined => {
	const [pathname = '', query] = path.split('?');
	const [, prefix = '', name] = /^(.*)\/(status|scale)$/.exec(pathname) ?? [];
	const objectPath = query ? `${prefix}?${query}` : prefix;
	return name && parsePath(objectPath)?.name !== undefined ? {name: name as 'status' | 'scale', objectPath} : undefined;
};

type Scalable = Stored & {readonly spec?: {readonly replicas?: number; readonly selector?: {readonly matchLabels?: Readonly<Record<string, string>>}}; readonly status?: {readonly replicas?: number}};

/** Reads or sets how many Pods a workload has. */
export const carryOutScale = (server: ApiServer, {method, body}: ApiRequest, path: string, by: string): ApiAnswer => {
	const replicas = (body as {readonly spec?: {readonly replicas?: number}} | undefined)?.spec?.replicas;
	const answer = server.handle(method === 'GET'
		? {method, path}
		: {method: 'PATCH', path, contentType: 'application/merge-patch+json', body: {spec: {replicas}}}, by);
	return answer.status < 300 ? {...answer, body: scaleOf(answer.body as Scalable)} : answer;
};

const scaleOf = ({metadata, spec, status}: Scalable) => ({
	kind: 'Scale',
	apiVersion: 'autoscaling/v1',
	metadata: {name: metadata.name, namespace: metadata.namespace, uid: metadata.uid, resourceVersion: metadata.resourceVersion},
	spec: {replicas: spec?.replicas ?? 1},
	status: {
		replicas: status?.replicas ?? 0,
		selector: Object.entries(spec?.selector?.matchLabels ?? {}).map(([name, value]) => `${name}=${value}`).join(','),
	},
});
