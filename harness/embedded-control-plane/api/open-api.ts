/**
 * The little of OpenAPI v3 that lets `kubectl create` and `kubectl apply` go on: they look there whether the server validates
 * fields itself, by the query parameter `fieldValidation`, before they send an object. Schemas are left out.
 */
import type {Kind} from '../../in-memory-api/kinds.ts';

/** @param roots such as `/api/v1`. */
export const openApiIndex = (roots: readonly string[]): unknown => ({
	paths: Object.fromEntries(roots.map(root => [root.slice(1), {serverRelativeURL: `/openapi/v3${root}`}])),
});

/** The document of one group and version. */
export const openApiOf = (root: string, kinds: readonly Kind[]): unknown => ({
	openapi: '3.0.0',
	info: {title: 'embedded control plane', version: 'unversioned'},
	paths: Object.fromEntries(kinds.map(({apiVersion, kind, resource, isNamespaced}) => {
		const [version = '', group = ''] = apiVersion.split('/').toReversed();
		return [`${root}/${isNamespaced ? 'namespaces/{namespace}/' : ''}${resource}/{name}`, {
			patch: {
				'x-kubernetes-action': 'patch',
				'x-kubernetes-group-version-kind': {group, version, kind},
				parameters: ['dryRun', 'fieldManager', 'fieldValidation', 'force'].map(name => ({name, in: 'query', schema: {type: 'string', uniqueItems: true}})),
				responses: {},
			},
		}];
	})),
	components: {},
});
