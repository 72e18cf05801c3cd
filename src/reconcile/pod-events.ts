/** Writes Events on Pods: each once while its cause lasts, and few in each pass, so that no number of causes uses up a pass. */
import type {Logger} from 'pino';
import type {ApiClient} from '../kubernetes/api-client.ts';
import {timestamp} from '../clock.ts';
import type {Clock} from '../clock.ts';

export type PodEventsOptions = {
	readonly api: Pick<ApiClient, 'create'>;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly identity: string;
};

export type PodEvent = {
	/** `namespace/name` */
	readonly pod: string;
	readonly uid: string;
	/** Tells Events of one Pod and reason apart. */
	readonly about: string;
	/** Called only if the Event is written. */
	readonly message: () => string;
};

/** Bounds on one call, which is one pass. The rest follows in the next passes. */
const maximumEvents = 50;
const budgetMs = 5000;

/**
 * Makes a function that writes warnings with one reason.
 *
 * @returns to be called in each pass with an Event for each cause that holds; most important first. Never rejects.
 */
export const createPodEvents = ({api, clock, logger, identity}: PodEventsOptions, reason: string) => {
	/** Those that were written, or tried, and whose cause lasts. */
	let tried = new Set<string>();
	return async (events: readonly PodEvent[], signal: AbortSignal): Promise<void> => {
		const due = events.filter(event => !tried.has(idOf(event)));
		tried = tried.intersection(new Set(events.map(event => idOf(event))));
		const withinBudget = AbortSignal.any([signal, clock.deadline(budgetMs)]);
		const failed: string[] = [];
		let firstError: unknown;
		for (const event of due.slice(0, maximumEvents)) {
			if (withinBudget.aborted) {
				break;
			}

			tried.add(idOf(event));
			try {
				await write(event, withinBudget);
			} catch (error) {
				firstError ??= error;
				failed.push(event.pod);
			}
		}

		if (failed.length > 0) {
			logger.warn({err: firstError, pods: firstNames(failed)}, `Events ${reason} could not be written`);
		}
	};

	async function write({pod, uid, message}: PodEvent, signal: AbortSignal): Promise<void> {
		const [namespace = '', name = ''] = pod.split('/');
		const time = timestamp(clock.date());
		await api.create(`/api/v1/namespaces/${namespace}/events`, {
			apiVersion: 'v1',
			kind: 'Event',
			metadata: {generateName: `${name.slice(0, 200)}.`, namespace},
			involvedObject: {apiVersion: 'v1', kind: 'Pod', namespace, name, uid},
			type: 'Warning',
			reason,
			message: message(),
			source: {component: 'hostport-operator'},
			reportingComponent: 'hostport-operator',
			reportingInstance: identity.slice(0, 128),
			firstTimestamp: time,
			lastTimestamp: time,
			count: 1,
		}, {signal});
	}
};

const idOf = ({uid, about}: PodEvent): string => `${uid} ${about}`;

/** In one message: a DaemonSet may have a port on thousands of nodes. */
const maximumNames = 5;

/** `game/a, game/b, 7 more` */
export const firstNames = (pods: readonly string[]): string => {
	const more = pods.length - maximumNames;
	return [...pods.slice(0, maximumNames), ...(more > 0 ? [`${more} more`] : [])].join(', ');
};
