/** What the API server in memory knows of each kind of object: where it lives, and what is wrong with one. */

/** An object as it is stored. Never changed: a write makes the next one. */
export type Stored = {
	readonly apiVersion: string;
	readonly kind: string;
	readonly metadata: {
		readonly name: string;
		readonly namespace?: string;
		readonly uid: string;
		readonly resourceVersion: string;
		readonly generateName?: string;
		readonly labels?: Readonly<Record<string, string>>;
		readonly annotations?: Readonly<Record<string, string>>;
		readonly deletionTimestamp?: string;
	};
	readonly [member: string]: unknown;
};

export type Refusal = {readonly status: number; readonly reason: string; readonly message: string};

export type Kind = {
	readonly apiVersion: string;
	readonly kind: string;
	readonly resource: string;
	readonly isNamespaced: boolean;
	/** Whether a PUT without resourceVersion overwrites whatever is there (`AllowUnconditionalUpdate` in its strategy). */
	readonly allowsUnconditionalUpdate: boolean;
	/** What the API server refuses to store. */
	readonly problem?: (object: {readonly spec?: unknown; readonly data?: unknown; readonly type?: unknown}) => Refusal | undefined;
};

const invalid = (message: string): Refusal => ({status: 422, reason: 'Invalid', message});

/** Six fractional digits and no fewer (`metav1.MicroTime`); what can't be decoded is a 400, not a 422. */
const microTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(?:Z|[-+]\d\d:\d\d)$/;

const leaseProblem = (lease: {readonly spec?: unknown}): Refusal | undefined => {
	const spec = (lease.spec ?? {}) as Readonly<Record<string, unknown>>;
	for (const member of ['acquireTime', 'renewTime']) {
		const time = spec[member];
		if (time !== undefined && !(typeof time === 'string' && microTime.test(time))) {
			return {status: 400, reason: 'BadRequest', message: `Lease in version "v1" cannot be handled as a Lease: spec.${member}: it is no MicroTime`};
		}
	}

	const {leaseDurationSeconds: seconds, leaseTransitions: transitions} = spec;
	if (seconds !== undefined && (typeof seconds !== 'number' || seconds <= 0)) {
		return invalid('spec.leaseDurationSeconds: must be greater than 0');
	}

	return typeof transitions === 'number' && transitions < 0 ? invalid('spec.leaseTransitions: must be greater than or equal to 0') : undefined;
};

const secretProblem = ({type, data}: {readonly data?: unknown; readonly type?: unknown}): Refusal | undefined => {
	const missing = type === 'kubernetes.io/tls' ? ['tls.crt', 'tls.key'].find(member => !Object.hasOwn(data ?? {}, member)) : undefined;
	return missing === undefined ? undefined : invalid(`data[${missing}]: Required value`);
};

export type PodPort = {name?: string; containerPort: number; hostPort?: number; protocol?: string};
export type PodContainer = {name?: string; ports?: PodPort[]};
export type PodSpec = {hostNetwork?: boolean; dnsPolicy?: string; nodeName?: string; containers: PodContainer[]; initContainers?: PodContainer[]};

export const containersOf = ({containers, initContainers = []}: PodSpec): PodContainer[] => [...containers, ...initContainers];

const podProblem = (pod: {readonly spec?: unknown}): Refusal | undefined => {
	const spec = pod.spec as PodSpec;
	const {hostNetwork = false} = spec;
	const ports = containersOf(spec).flatMap(container => container.ports ?? []);
	const wrong = ports.find(({hostPort = 0, containerPort}) => hostNetwork && hostPort !== containerPort);
	if (wrong) {
		return invalid(`spec.containers[0].ports[0].hostPort: Invalid value: ${wrong.hostPort}: must match \`containerPort\` when \`hostNetwork\` is true`);
	}

	const hostPorts = spec.containers.flatMap(container => container.ports ?? []).filter(({hostPort}) => hostPort).map(({hostPort, protocol}) => `${hostPort}/${protocol}`);
	return new Set(hostPorts).size < hostPorts.length ? invalid('spec.containers[0].ports[1].hostPort: Duplicate value') : undefined;
};

export const kinds: readonly Kind[] = [
	{apiVersion: 'v1', kind: 'ConfigMap', resource: 'configmaps', isNamespaced: true, allowsUnconditionalUpdate: true},
	{apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', resource: 'leases', isNamespaced: true, allowsUnconditionalUpdate: false, problem: leaseProblem},
	{apiVersion: 'v1', kind: 'Pod', resource: 'pods', isNamespaced: true, allowsUnconditionalUpdate: true, problem: podProblem},
	{apiVersion: 'v1', kind: 'Service', resource: 'services', isNamespaced: true, allowsUnconditionalUpdate: true},
	{apiVersion: 'v1', kind: 'Secret', resource: 'secrets', isNamespaced: true, allowsUnconditionalUpdate: true, problem: secretProblem},
	{apiVersion: 'admissionregistration.k8s.io/v1', kind: 'MutatingWebhookConfiguration', resource: 'mutatingwebhookconfigurations', isNamespaced: false, allowsUnconditionalUpdate: false},
	{apiVersion: 'v1', kind: 'Event', resource: 'events', isNamespaced: true, allowsUnconditionalUpdate: true},
	{apiVersion: 'v1', kind: 'Namespace', resource: 'namespaces', isNamespaced: false, allowsUnconditionalUpdate: true},
];

/** A Pod's spec with what the API server fills in, each time that it decodes one: before it calls a webhook, and after. */
export const defaultedPodSpec = (spec: PodSpec): PodSpec => {
	const defaulted = (container: PodContainer): PodContainer => container.ports ? {
		...container,
		ports: container.ports.map(port => ({
			...port,
			protocol: port.protocol ?? 'TCP',
			...(spec.hostNetwork && !port.hostPort && {hostPort: port.containerPort}),
		})),
	} : container;
	return {
		dnsPolicy: 'ClusterFirst',
		...spec,
		containers: spec.containers.map(container => defaulted(container)),
		...(spec.initContainers && {initContainers: spec.initContainers.map(container => defaulted(container))}),
	};
};

/** RFC 7396. The target itself where the patch changes nothing. */
export const mergePatch = (target: unknown, patch: unknown): unknown => {
	if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) {
		return isSameJson(target, patch) ? target : patch;
	}

	const known = typeof target === 'object' && target !== null && !Array.isArray(target) ? target as Readonly<Record<string, unknown>> : undefined;
	let result: Record<string, unknown> | undefined;
	for (const [member, value] of Object.entries(patch)) {
		const next = value === null ? undefined : mergePatch(known?.[member], value);
		if (next !== known?.[member]) {
			result ??= {...known};
			if (value === null) {
				delete result[member];
			} else {
				result[member] = next;
			}
		}
	}

	return result ?? known ?? {};
};

/** Equality of JSON values, whatever the order of their members; an absent member and an empty object are the same, as in Go. */
export const isSameJson = (a: unknown, b: unknown): boolean => {
	if (a === b) {
		return true;
	}

	if (typeof a !== 'object' || typeof b !== 'object') {
		return isEmpty(a) && isEmpty(b);
	}

	if (a === null || b === null || Array.isArray(a) !== Array.isArray(b)) {
		return false;
	}

	// From the end, for what is new has been added there, and a page of the ledger is long.
	const [left, right] = [a, b] as Array<Record<string, unknown>>;
	return Object.keys(right!).findLast(member => !(member in left!) && !isEmpty(right![member])) === undefined
		&& Object.keys(left!).findLast(member => !isSameJson(left![member], right![member])) === undefined;
};

const isEmpty = (value: unknown): boolean => value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
