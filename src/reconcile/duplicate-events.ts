/** Reports ports that several live Pods, or a Pod and a Service, have: in the log, and by Events on the Pods. No Pod is evicted. */
import {isNodePort} from '../ports/host-port-use.ts';
import type {HostPortUse} from '../ports/host-port-use.ts';
import type {Duplicate} from '../ports/repair.ts';
import {createPodEvents, firstNames} from './pod-events.ts';
import type {PodEventsOptions} from './pod-events.ts';

/** Pods of one duplicate that get an Event: a DaemonSet may have the port on thousands of nodes. */
const maximumPods = 20;

/** Bounds the log lines of one pass. */
const maximumLines = 20;

/** Makes a function that reports each Pod of a duplicate once while the duplicate lasts. */
export const createDuplicateReporter = (options: PodEventsOptions) => {
	const writeEvents = createPodEvents(options, 'DuplicateHostPort');
	let logged = new Set<string>();
	return async (duplicates: readonly Duplicate[], signal: AbortSignal): Promise<void> => {
		const before = logged;
		logged = new Set(duplicates.flatMap(duplicate => duplicate.uses.map(use => idOf(duplicate, use))));
		log(duplicates.filter(duplicate => duplicate.uses.some(use => !before.has(idOf(duplicate, use)))));
		await writeEvents(duplicates.flatMap(duplicate => oursFirst(duplicate)
			.filter(use => !isNodePort(use))
			.slice(0, maximumPods)
			.map(use => ({pod: use.pod, uid: use.uid, about: duplicate.key, message: () => messageFor(use, duplicate)}))), signal);
	};

	function log(duplicates: readonly Duplicate[]): void {
		const {logger} = options;
		for (const duplicate of duplicates.slice(0, maximumLines)) {
			const {key, kind} = duplicate;
			const holders = firstNames(oursFirst(duplicate).map(({pod}) => pod));
			logger.error({key, holders}, kind === 'Pod' ? 'several live Pods have the same host port' : `a Service has the host port of a Pod as NodePort: ${nodePortRemedy}`);
		}

		if (duplicates.length > maximumLines) {
			logger.error(`${duplicates.length - maximumLines} more host ports are used twice`);
		}
	}
};

const nodePortRemedy = 'give the Service another nodePort; if this happens often, choose a --port-range outside of the NodePort range';

const messageFor = ({uid}: HostPortUse, duplicate: Duplicate): string => {
	const {key, kind, holder} = duplicate;
	const others = firstNames(oursFirst(duplicate).filter(use => use.uid !== uid).map(({pod}) => pod));
	return kind === 'Pod'
		? `host port ${key} is also used by ${others}, and the ledger has it for ${holder}: delete the other Pod, and its controller creates one with another port`
		: `host port ${key} is also the NodePort of ${others}, so the nodes send its traffic there: ${nodePortRemedy}`;
};

const oursFirst = ({uses}: Duplicate): readonly HostPortUse[] => uses.toSorted((a, b) => Number(b.managed) - Number(a.managed));

const idOf = ({key}: Duplicate, {uid}: HostPortUse): string => `${key} ${uid}`;
