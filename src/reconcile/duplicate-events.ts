/** Reports a port that several live Pods have, by an Event on each Pod and in the log. No Pod is evicted. */
import type {Logger} from 'pino';
import type {HostPortUse} from '../ports/host-port-use.ts';
import type {Duplicate} from '../ports/repair.ts';
import type {ApiClient} from '../kubernetes/api-client.ts';
import {timestamp} from '../clock.ts';
import type {Clock} from '../clock.ts';

type DuplicateReporterOptions = {
	readonly api: Pick<ApiClient, 'create'>;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly identity: string;
};

/** Bounds on the names in one message and on the Events of one duplicate: a DaemonSet may have the port on thousands of nodes. */
const maximumNames = 5;
const maximumEvents = 20;

/** Makes a function that reports each Pod of a duplicate once while the duplicate lasts. */
export const createDuplicateReporter = ({api, clock, logger, identity}: DuplicateReporterOptions) => {
	let reported = new Set<string>();
	return async (duplicates: readonly Duplicate[], signal: AbortSignal): Promise<void> => {
		const before = reported;
		reported = new Set(duplicates.flatMap(({key, uses}) => uses.map(({uid}) => `${key} ${uid}`)));
		for (const {key, uses} of duplicates) {
			const oursFirst = uses.toSorted((a, b) => Number(b.managed) - Number(a.managed));
			const fresh = oursFirst.filter(({uid}) => !before.has(`${key} ${uid}`));
			if (fresh.length > 0) {
				logger.error({key, holders: namesOf(oursFirst)}, 'several live Pods have the same host port');
			}

			for (const use of fresh.filter(({pod}) => !pod.startsWith('Service ')).slice(0, maximumEvents)) {
				const others = namesOf(oursFirst.filter(({uid}) => uid !== use.uid));
				await writeEvent(use, `host port ${key} is also used by ${others}: delete one of these Pods, and its controller creates one with another port`, signal);
			}
		}
	};

	async function writeEvent({pod, uid}: HostPortUse, message: string, signal: AbortSignal): Promise<void> {
		const [namespace = '', name = ''] = pod.split('/');
		const time = timestamp(clock.date());
		try {
			await api.create(`/api/v1/namespaces/${namespace}/events`, {
				apiVersion: 'v1',
				kind: 'Event',
				metadata: {generateName: `${name.slice(0, 200)}.`, namespace},
				involvedObject: {apiVersion: 'v1', kind: 'Pod', namespace, name, uid},
				type: 'Warning',
				reason: 'DuplicateHostPort',
				message,
				source: {component: 'hostport-operator'},
				reportingComponent: 'hostport-operator',
				reportingInstance: identity.slice(0, 128),
				firstTimestamp: time,
				lastTimestamp: time,
				count: 1,
			}, {signal});
		} catch (error) {
			logger.warn({err: error, pod}, 'an Event about a duplicate host port could not be written');
		}
	}
};

const namesOf = (uses: readonly HostPortUse[]): string => {
	const more = uses.length - maximumNames;
	return [...uses.slice(0, maximumNames).map(({pod}) => pod), ...(more > 0 ? [`${more} more`] : [])].join(', ');
};
