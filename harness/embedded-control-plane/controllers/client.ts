/** The API as controllers use it: reads from memory, and writes by requests, which call webhooks and wake other controllers. */
import {createHash, randomBytes} from 'node:crypto';
import type {ApiServer} from '../../in-memory-api/api-server.ts';
import type {Stored} from '../../in-memory-api/kinds.ts';
import {controller} from '../api/caller.ts';
import {now} from '../api/defaults.ts';
import type {Answer, EmbeddedApi} from '../api/embedded-api.ts';

export type ControllerClient = {
	readonly server: ApiServer;
	/** @throws an Error with the API's message. */
	readonly create: (path: string, body: object) => Promise<void>;
	/** Applies a merge patch. An object that is gone is none of a controller's business any more. */
	readonly patch: (object: Stored, body: object) => Promise<void>;
	readonly remove: (object: Stored) => Promise<void>;
	/** Creates an Event, or counts it if the same has happened to the object before. */
	readonly event: (about: Stored, type: 'Normal' | 'Warning', reason: string, message: string) => Promise<void>;
};

const resources: Readonly<Record<string, string>> = {Pod: 'pods', Event: 'events', Deployment: 'deployments', ReplicaSet: 'replicasets', StatefulSet: 'statefulsets', Node: 'nodes'};

const collectionOf = ({apiVersion, kind, metadata: {namespace}}: Pick<Stored, 'apiVersion' | 'kind' | 'metadata'>): string =>
	`${apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${resources[kind] ?? `${kind.toLowerCase()}s`}`;

/** @throws an Error with the API's message, unless the object is gone. */
const check = ({status, body}: Answer): void => {
	if (status > 299 && status !== 404) {
		throw new Error((body as {readonly message?: string}).message);
	}
};

/** @param name of the controller, as kube-controller-manager calls it. */
export const createControllerClient = (api: EmbeddedApi, name: string): ControllerClient => {
	const caller = controller(name);
	const create = async (path: string, body: object): Promise<void> => {
		const answer = await api.handle({method: 'POST', path, body}, caller);
		if (answer.status > 299) {
			throw new Error((answer.body as {readonly message?: string}).message);
		}
	};

	const patch: ControllerClient['patch'] = async (object, body) => {
		check(await api.handle({method: 'PATCH', path: `${collectionOf(object)}/${object.metadata.name}`, contentType: 'application/merge-patch+json', body}, caller));
	};

	return {
		server: api.server,
		create,
		patch,
		async remove(object) {
			check(await api.handle({method: 'DELETE', path: `${collectionOf(object)}/${object.metadata.name}`}, caller));
		},
		async event(about, type, reason, message) {
			const {namespace = 'default', uid} = about.metadata;
			const hash = createHash('sha256').update(`${uid} ${reason} ${message}`).digest('hex').slice(0, 16);
			const eventName = `${about.metadata.name}.${hash}`;
			const earlier = api.server.find('Event', eventName, namespace);
			const at = now();
			if (earlier) {
				await patch(earlier, {count: Number(earlier['count']) + 1, lastTimestamp: at});
				return;
			}

			const {apiVersion, kind, metadata} = about;
			await create(`/api/v1/namespaces/${namespace}/events`, {
				metadata: {name: eventName},
				involvedObject: {apiVersion, kind, name: metadata.name, namespace: metadata.namespace, uid, resourceVersion: metadata.resourceVersion},
				type, reason, message,
				source: {component: name},
				firstTimestamp: at, lastTimestamp: at, count: 1,
			}).catch(() => {});
		},
	};
};

/** A short name for a template: equal templates have equal names. */
export const hashOf = (template: unknown): string => createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 10);

/** Five random characters. */
export const randomSuffix = (): string => randomBytes(4).toString('hex').slice(0, 5);
