/** Rendered manifests in a form in which those of kustomize and those of the chart can be compared. */
import {parseManifests} from '../../../harness/manifests.ts';
import type {Manifest} from '../../../harness/manifests.ts';

/** The objects by kind and name, without known differences, and with the defaults that the API server fills in. */
export const comparable = (text: string): Record<string, Manifest> =>
	Object.fromEntries(parseManifests(text)
		.filter(({kind}) => kind !== 'Namespace')
		.map(manifest => withDefaults(withoutCommonLabels(withoutUselessNamespace(manifest))))
		.map(manifest => [identityOf(manifest), manifest] as const));

/** Kind, namespace and name. */
export const identityOf = ({kind, metadata}: Manifest): string => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;

type Named = {readonly name: string};
const byName = (a: Named, b: Named) => a.name.localeCompare(b.name);

/** Fills in defaults that the chart states because a user may change them, and sorts variables and volumes, whose order has no meaning here. */
const withDefaults = (manifest: Manifest): Manifest => {
	if (manifest.kind !== 'Deployment') {
		return manifest;
	}

	const copy = structuredClone(manifest) as Manifest & {spec: {template: {spec: {volumes?: Named[]; containers: Array<{imagePullPolicy?: string; env: Named[]; volumeMounts?: Named[]}>}}}};
	const {volumes, containers} = copy.spec.template.spec;
	for (const container of containers) {
		container.imagePullPolicy ??= 'IfNotPresent';
		container.env.sort(byName);
		container.volumeMounts?.sort(byName);
	}

	volumes?.sort(byName);

	return copy;
};

/** Kustomize does not know that these kinds belong to no namespace, and adds one. The API server ignores it. */
const clusterWide = new Set(['FlowSchema', 'PriorityLevelConfiguration']);

const withoutUselessNamespace = (manifest: Manifest): Manifest => {
	const {namespace: _, ...metadata} = manifest.metadata;
	return clusterWide.has(manifest.kind) ? {...manifest, metadata} : manifest;
};

/** The chart and the component `release` add these to each object. The only other difference is the Namespace, which `helm install --create-namespace` makes. */
const commonLabels = new Set(['app.kubernetes.io/instance', 'app.kubernetes.io/part-of', 'app.kubernetes.io/version', 'app.kubernetes.io/managed-by', 'helm.sh/chart']);

const withoutCommonLabels = (manifest: Manifest): Manifest => {
	const {labels = {}} = manifest.metadata as {labels?: Record<string, string>};
	return {...manifest, metadata: {...manifest.metadata, labels: Object.fromEntries(Object.entries(labels).filter(([name]) => !commonLabels.has(name)))} as Manifest['metadata']};
};
