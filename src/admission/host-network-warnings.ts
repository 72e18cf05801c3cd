/**
 * Warnings about what the host network changes for a Pod, as far as its manifest shows it: numbers that do not follow, the
 * host name, and sidecars of a service mesh. Like those of warnings.ts, at most 120 characters each. Pure.
 */
import {annotationPrefix, portVariable} from './annotations.ts';
import {containerLists, containerPath} from './containers.ts';
import type {AllocationPlan} from './pod-plan.ts';
import {portsOf} from './pod-ports.ts';
import type {Container, Pod} from './pod.ts';
import {handlersOf, isOwnHost} from './probe-ports.ts';
import {quote, shorten} from './quote.ts';

/** Keeps all warnings within the 4,096 characters. The author sees the rest after correcting these. */
const maximumWarnings = 5;

/** What a managed port became. */
type Renumbered = {readonly to: number; readonly variable: string};
/** By the number that the Pod's author wrote. */
type RenumberedPorts = ReadonlyMap<number, Renumbered>;

/**
 * @param pod as its author wrote it, see `withoutStaleAllocation`.
 * @param numbered The same Pod with its numbers, see `applyPorts`.
 * @param numbers One for each of `plan.demand.numbers`, in their order.
 */
export const warningsAboutHostNetwork = (pod: Pod, numbered: Pod, {options, assignments}: AllocationPlan, numbers: readonly number[]): string[] => {
	if (!options.hostNetwork) {
		return [];
	}

	const ports = new Map(portsOf(pod).map(port => [port.path, port]));
	const changes = assignments
		.map(({path, name, numberIndex}) => ({port: ports.get(path)!, to: numbers[numberIndex]!, variable: portVariable(name)}))
		.filter(({port, to}) => port.port.containerPort !== to);
	const inPod: RenumberedPorts = new Map(changes.map(({port, ...change}) => [port.port.containerPort, change]));
	const byContainer = Map.groupBy(changes, ({port}) => port.containerPath);
	const containers = containerLists.flatMap(list => (pod.spec[list] ?? []).map((container, index) => {
		const own = byContainer.get(containerPath(list, index)) ?? [];
		return {container, own: new Map(own.map(({port, ...change}) => [port.port.containerPort, change]))};
	}));
	return [
		...containers.flatMap(({container, own}) => staleNumbers(container, own, inPod)),
		...annotationWarnings(pod, inPod),
		...probeWarnings(numbered),
		...containers.flatMap(({container}) => hostNameWarnings(container)),
		...meshWarnings(pod),
	].slice(0, maximumWarnings).map(warning => shorten(warning, 120));
};

/** The first number in the command, arguments and variables of a container that a port had before. The program would open the old one. */
const staleNumbers = (container: Container, own: RenumberedPorts, inPod: RenumberedPorts): string[] => {
	const {name, command, args, env} = container;
	const words = [...command ?? [], ...args ?? []];
	const places = [
		...words.map((word, index) => ({where: 'command', text: `${words[index - 1] ?? ''} ${word}`})),
		...(env ?? []).filter(({name}) => !name.startsWith('HOSTPORT_')).map(({name, value}) => ({where: shorten(name, 30), text: `${name}=${value ?? ''}`})),
	];
	for (const {where, text} of places) {
		const stale = staleNumberIn(text, own, inPod);
		if (stale) {
			return [`${where} of container ${quote(shorten(name, 20))} has ${stale.from}, but that port is ${stale.to}: use $(${stale.variable})`];
		}
	}

	return [];
};

/** Characters before a number that may say what it is for. */
const contextLength = 40;

/** A word about listening, but not `export`, `import`, `support` and the like. */
const portWord = /(?<!ex|im|sup|re|trans|pass)port(?!al|able|ion)|listen|addr|bind/i;
/** At the end of what comes before a number: an address of the Pod itself. */
const ownAddress = /(?:^|[\s='"/@])(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]|\*)?:$/;

/**
 * A number counts if it follows an address of the Pod itself, or a word about listening in the container that had the port.
 * `http://other:8080` and `--workers=8080` don't.
 */
const staleNumberIn = (text: string, own: RenumberedPorts, inPod: RenumberedPorts): (Renumbered & {readonly from: number}) | undefined => {
	for (const {index, 0: digits} of text.matchAll(/(?<![\w.-])\d{1,5}(?![\w.-])/g)) {
		const from = Number(digits);
		const before = text.slice(Math.max(0, index - contextLength), index);
		const change = before.endsWith(':')
			? ownAddress.test(before) ? inPod.get(from) : undefined
			: portWord.test(before) ? own.get(from) : undefined;
		if (change) {
			return {...change, from};
		}
	}

	return undefined;
};

/** Such as `prometheus.io/port`: what reads them connects to the old number. */
const annotationWarnings = ({metadata: {annotations}}: Pod, inPod: RenumberedPorts): string[] => Object.entries(annotations ?? {}).flatMap(([name, value]) => {
	const change = !name.startsWith(annotationPrefix) && /port$/i.test(name) && /^\d{1,5}$/.test(value) ? inPod.get(Number(value)) : undefined;
	return change ? [`annotation ${shorten(name, 50)} is ${quote(value)}, but that port is ${change.to}`] : [];
});

/** On the host network, a number that the Pod does not declare may be another program's. */
const probeWarnings = (numbered: Pod): string[] => {
	const declared = new Set(portsOf(numbered).map(({port: {containerPort}}) => containerPort));
	return containerLists.flatMap(list => numbered.spec[list] ?? []).flatMap(container => handlersOf(container).flatMap(({field, handler}) =>
		[handler.httpGet, handler.tcpSocket, handler.grpc].flatMap(target =>
			target && typeof target.port === 'number' && isOwnHost(target) && !declared.has(target.port)
				? [`${field} of container ${quote(shorten(container.name, 20))} calls ${target.port}, which the Pod does not declare: any program may answer`]
				: [])));
};

/** The kubelet sets a Pod's host name only on the Pod network. A variable that the user defines may hold the Pod's name. */
const hostNameWarnings = ({name, command, args, env}: Container): string[] =>
	[...command ?? [], ...args ?? []].some(text => /\$\{?HOSTNAME\b|\$\(hostname\b|`hostname\b/.test(text)) && !env?.some(({name}) => name === 'HOSTNAME')
		? [`container ${quote(shorten(name, 20))} uses its host name, which is the node's on the host network: use metadata.name`]
		: [];

/** The injectors of Istio and Linkerd skip Pods on the host network, whose traffic they can't redirect. */
const meshWarnings = ({metadata: {labels, annotations}}: Pod): string[] => {
	const wanted = [
		...['sidecar.istio.io/inject'].filter(name => (labels?.[name] ?? annotations?.[name]) === 'true'),
		...['linkerd.io/inject'].filter(name => annotations?.[name] === 'enabled' || annotations?.[name] === 'ingress'),
	];
	return wanted.map(name => `${name} has no effect: a service mesh adds no sidecar to a Pod on the host network`);
};
