/** What a request's path and query name: one object, or the objects that a selector matches. */
import {kinds} from './kinds.ts';
import type {Kind, Stored} from './kinds.ts';
import {fieldSelector, labelSelector} from './selectors.ts';

export type Target = {readonly kind: Kind; readonly namespace: string | undefined; readonly name: string | undefined; readonly query: URLSearchParams};

const noQuery = new URLSearchParams();

/** Undefined for a path that the server does not have. */
export const parsePath = (path: string): Target | undefined => {
	const [pathname = '', search] = path.split('?');
	const place = placeOf(pathname);
	return place && {...place, query: search ? new URLSearchParams(search) : noQuery};
};

/** Whether a list or a watch of this target includes an object. */
export const selectorOf = ({namespace, query}: Target): (object: Stored) => boolean => {
	const matchesLabels = labelSelector(query.get('labelSelector'));
	const matchesFields = fieldSelector(query.get('fieldSelector'));
	return object => (namespace === undefined || object.metadata.namespace === namespace) && matchesLabels(object) && matchesFields(object);
};

const places = new Map<string, Omit<Target, 'query'> | undefined>();

/** Bounds the memory of `places`; a simulated run uses a few hundred paths. */
const maxPlaces = 10_000;

/** Cached: requests are many and their paths few. */
const placeOf = (pathname: string): Omit<Target, 'query'> | undefined => {
	if (!places.has(pathname)) {
		const steps = pathname.split('/').slice(1);
		const root = steps[0] === 'api' ? steps.splice(0, 2).slice(1).join('/') : steps.splice(0, 3).slice(1).join('/');
		const namespace = steps[0] === 'namespaces' && steps.length > 2 ? steps.splice(0, 2)[1] : undefined;
		const [resource, name] = steps;
		const kind = kinds.find(kind => kind.resource === resource && kind.apiVersion === root);
		if (places.size > maxPlaces) {
			places.clear();
		}

		places.set(pathname, kind && steps.length <= 2 ? {kind, namespace, name} : undefined);
	}

	return places.get(pathname);
};
