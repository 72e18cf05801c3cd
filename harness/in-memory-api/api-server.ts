/**
 * An API server in memory with the versions of etcd: what a client could tell from a real one by these kinds of object
 * and these requests is a defect of it, and the contract suite (`api-contract.ts`) runs against both.
 */
import {deepFreeze} from '../../test/helpers/deep-freeze.ts';
import {isSameJson, kinds, mergePatch, defaultedPodSpec} from './api-objects.ts';
import type {Kind, PodSpec, Refusal, Stored} from './api-objects.ts';
import {fieldSelector, labelSelector} from './selectors.ts';

export type ApiRequest = {
	readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
	/** With its query. */
	readonly path: string;
	readonly body?: unknown;
	readonly contentType?: string;
	readonly accept?: string;
};

export type ApiAnswer = {readonly status: number; readonly body: unknown};

export type Change = {
	readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
	readonly kind: string;
	readonly before: Stored | undefined;
	readonly after: Stored | undefined;
	readonly at: number;
	/** As of which everybody sees it. */
	readonly version: number;
	/** Who asked for it. */
	readonly by: string;
};

export type WatchedEvent = {readonly type: Change['type'] | 'ERROR'; readonly object: unknown};

export type ApiServerOptions = {
	/** Milliseconds. */
	readonly now: () => number;
	readonly random: () => number;
	/** How old an answer from its cache may be, milliseconds. Some have been seen minutes behind. Default: half a minute. */
	readonly stalestMs?: number;
};

/** A list that is read in pages shows one moment, for as long as etcd remembers it: five minutes. */
const continueLifetimeMs = 300_000;

export class ApiServer {
	readonly #options: ApiServerOptions;
	readonly #objects = new Map<string, Map<string, Stored>>(kinds.map(({kind}) => [kind, new Map<string, Stored>()]));
	readonly #listeners = new Set<(change: Change) => void>();
	readonly #continues = new Map<string, {readonly at: number; readonly version: number; readonly rest: readonly Stored[]}>();
	#history: Change[] = [];
	readonly #inOrder = new Map<Kind, readonly Stored[]>();
	readonly #closedQuotas = new Set<string>();
	#version = 1000;
	#serial = 0;
	#compactedBefore = 0;
	/** Bounds the pages of a list below what was asked for, as the API server may. */
	longestPage = Infinity;

	constructor(options: ApiServerOptions) {
		this.#options = options;
	}

	/** Is told of every change, at once and before it is answered. */
	subscribe(listener: (change: Change) => void): () => void {
		this.#listeners.add(listener);
		return () => {
			this.#listeners.delete(listener);
		};
	}

	/** Everything of one kind as it is now. */
	all(kind: string): IterableIterator<Stored> {
		return this.#objects.get(kind)!.values();
	}

	find(kind: string, name: string, namespace?: string): Stored | undefined {
		return this.#objects.get(kind)!.get(keyOf(name, namespace));
	}

	/** Forgets what has happened, as etcd's compaction does: older watches and lists end with 410. */
	compact(): void {
		this.#compactedBefore = this.#version;
		this.#history = [];
		this.#continues.clear();
	}

	/** Nobody may create a Pod there any more. */
	closeQuota(namespace: string): void {
		this.#closedQuotas.add(namespace);
	}

	/** @param by who asks; changes carry it. */
	handle(request: ApiRequest, by = 'somebody'): ApiAnswer {
		const target = parsePath(request.path);
		if (!target) {
			return failure({status: 404, reason: 'NotFound', message: 'the server could not find the requested resource'});
		}

		const answer = this.#carryOut(request, target, by);
		return answer.status < 300 && request.accept?.includes('PartialObjectMetadata') ? {status: answer.status, body: metadataOf(answer.body)} : answer;
	}

	/**
	 * Tells `onEvent` what happens from now on, and what has happened since the version that the path names; then without
	 * one, what is there. Ends with the function that it returns.
	 */
	watch({path, accept}: Pick<ApiRequest, 'path' | 'accept'>, onEvent: (event: WatchedEvent) => void): () => void {
		const {kind, namespace, query} = parsePath(path)!;
		const asked = (object: unknown) => (accept?.includes('PartialObjectMetadata') ? metadataOf(object) : object);
		const since = Number(query.get('resourceVersion') ?? 0);
		const isWanted = selectedBy(namespace, query);
		const tell = (change: Change) => {
			if (change.kind === kind.kind) {
				const was = change.before !== undefined && isWanted(change.before);
				const is = change.after !== undefined && isWanted(change.after);
				if (is) {
					onEvent({type: was ? 'MODIFIED' : 'ADDED', object: asked(change.after)});
				} else if (was) {
					onEvent({type: 'DELETED', object: asked({...change.before, metadata: {...change.before.metadata, resourceVersion: String(change.version)}})});
				}
			}
		};

		if (since > 0 && since < this.#compactedBefore) {
			onEvent({type: 'ERROR', object: statusOf({status: 410, reason: 'Expired', message: `too old resource version: ${since} (${this.#version})`})});
			return () => {};
		}

		if (since === 0) {
			for (const object of this.#sorted(kind).filter(object => isWanted(object))) {
				onEvent({type: 'ADDED', object: asked(object)});
			}
		} else {
			for (const change of this.#history) {
				if (change.version > since) {
					tell(change);
				}
			}
		}

		return this.subscribe(tell);
	}

	#carryOut(request: ApiRequest, target: Target, by: string): ApiAnswer {
		const {method, body} = request;
		switch (method) {
			case 'GET': {
				return target.name === undefined ? this.#list(target) : this.#get(target);
			}

			case 'POST': {
				return this.#create(target, body as Writable, by);
			}

			case 'PUT': {
				return this.#update(target, () => body as Writable, by);
			}

			case 'PATCH': {
				// Of what is patched here, both types make the same: members of objects are merged, and null takes one away.
				return request.contentType === 'application/merge-patch+json' || request.contentType === 'application/strategic-merge-patch+json'
					? this.#update(target, known => mergePatch(known, body) as Writable, by)
					: failure({status: 415, reason: 'UnsupportedMediaType', message: 'the body of the request was in an unknown format'});
			}

			case 'DELETE': {
				return this.#delete(target, by);
			}

			default: {
				throw new TypeError(method satisfies never);
			}
		}
	}

	#get(target: Target): ApiAnswer {
		const {kind, namespace, name = '', query} = target;
		const found = query.get('resourceVersion') === '0'
			? this.#stale(kind).get(keyOf(name, namespace))
			: this.#found(target);
		return found ? {status: 200, body: found} : notFound(target);
	}

	#list({kind, namespace, query}: Target): ApiAnswer {
		const token = query.get('continue');
		let version = this.#version;
		let objects: readonly Stored[];
		if (token) {
			const known = this.#continues.get(token);
			this.#continues.delete(token);
			if (!known || this.#options.now() - known.at > continueLifetimeMs) {
				return failure({status: 410, reason: 'Expired', message: 'The provided continue parameter is too old to display a consistent list result'});
			}

			({version, rest: objects} = known);
		} else {
			objects = (query.get('resourceVersion') === '0' ? inOrder(this.#stale(kind)) : this.#sorted(kind)).filter(selectedBy(namespace, query));
		}

		const limit = Number(query.get('limit') ?? 0);
		const size = limit > 0 ? Math.min(limit, this.longestPage) : Infinity;
		const metadata: Record<string, unknown> = {resourceVersion: String(version)};
		if (objects.length > size) {
			const next = `after-${++this.#serial}`;
			this.#continues.set(next, {at: this.#options.now(), version, rest: objects.slice(size)});
			metadata['continue'] = next;
			metadata['remainingItemCount'] = objects.length - size;
		}

		return {status: 200, body: {kind: `${kind.kind}List`, apiVersion: kind.apiVersion, metadata, items: objects.slice(0, size)}};
	}

	#create({kind, namespace, name: named}: Target, body: Writable, by: string): ApiAnswer {
		if (named !== undefined) {
			return failure({status: 405, reason: 'MethodNotAllowed', message: 'the server does not allow this method on the requested resource'});
		}

		if (namespace !== undefined && !this.find('Namespace', namespace)) {
			return failure({status: 404, reason: 'NotFound', message: `namespaces "${namespace}" not found`});
		}

		const {name: wanted, generateName} = body.metadata ?? {};
		const name = wanted || (generateName ? generateName + this.#suffix() : undefined);
		if (!name) {
			return failure({status: 422, reason: 'Invalid', message: 'name or generateName is required'});
		}

		const object = this.#prepared(kind, body);
		const problem = kind.problem?.(object);
		if (problem) {
			return failure(problem);
		}

		if (kind.kind === 'Pod' && this.#closedQuotas.has(namespace ?? '')) {
			return failure({status: 403, reason: 'Forbidden', message: `pods "${name}" is forbidden: exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0`});
		}

		if (this.find(kind.kind, name, namespace)) {
			return failure({status: 409, reason: 'AlreadyExists', message: `${kind.resource} "${name}" already exists`});
		}

		const {resourceVersion: _version, uid: _uid, ...metadata} = object.metadata ?? {};
		const stored = {...object, apiVersion: kind.apiVersion, kind: kind.kind, metadata: {...metadata, name, ...(namespace !== undefined && {namespace}), uid: this.#uid()}};
		return {...this.#store(kind, undefined, stored, by), status: 201};
	}

	#update(target: Target, change: (known: Stored) => Writable, by: string): ApiAnswer {
		const {kind} = target;
		const known = this.#found(target);
		if (!known) {
			return notFound(target);
		}

		const body = change(known);
		const named = body.metadata?.resourceVersion;
		if (!named && !kind.allowsUnconditionalUpdate) {
			return failure({status: 422, reason: 'Invalid', message: 'metadata.resourceVersion: Invalid value: 0: must be specified for an update'});
		}

		if (named && named !== known.metadata.resourceVersion) {
			return failure({status: 409, reason: 'Conflict', message: `Operation cannot be fulfilled on ${kind.resource} "${target.name}": the object has been modified; please apply your changes to the latest version and try again`});
		}

		const object = this.#prepared(kind, body);
		const problem = kind.problem?.(object);
		if (problem) {
			return failure(problem);
		}

		const {uid, resourceVersion, name, namespace} = known.metadata;
		const next = {...object, metadata: {...object.metadata, name, ...(namespace !== undefined && {namespace}), uid, resourceVersion}} as Stored;
		return isSameJson(known, next) ? {status: 200, body: known} : this.#store(kind, known, next, by);
	}

	#delete(target: Target, by: string): ApiAnswer {
		const known = this.#found(target);
		return known ? this.#store(target.kind, known, undefined, by) : notFound(target);
	}

	/** Nobody keeps track of who owns which field here; the API server drops empty maps and fills in defaults. */
	#prepared(kind: Kind, {metadata, ...body}: Writable): Writable {
		const {managedFields: _fields, ...kept} = metadata ?? {};
		return {...body, metadata: kept, ...(kind.kind === 'Pod' && {spec: defaultedPodSpec(body.spec as PodSpec)})};
	}

	#store(kind: Kind, before: Stored | undefined, next: object | undefined, by: string): ApiAnswer {
		this.#version += 1;
		const objects = this.#objects.get(kind.kind)!;
		const made = next as Stored | undefined;
		// Whoever changed what he was given would change it for everybody.
		const after = made && deepFreeze({...made, metadata: {...made.metadata, resourceVersion: String(this.#version)}});
		const {name, namespace} = (after ?? before!).metadata;
		if (after) {
			objects.set(keyOf(name, namespace), after);
		} else {
			objects.delete(keyOf(name, namespace));
		}

		this.#inOrder.delete(kind);
		const change: Change = {type: before ? (after ? 'MODIFIED' : 'DELETED') : 'ADDED', kind: kind.kind, before, after, at: this.#options.now(), version: this.#version, by};
		this.#history.push(change);
		for (const listener of this.#listeners) {
			listener(change);
		}

		return {status: 200, body: after ?? before};
	}

	/** Everything of a kind as it was a while ago: what has changed since is taken back. */
	#stale(kind: Kind): Map<string, Stored> {
		const {now, random, stalestMs = 30_000} = this.#options;
		const since = now() - random() * stalestMs;
		const objects = new Map(this.#objects.get(kind.kind));
		const recent = this.#history.slice(this.#history.findLastIndex(({at}) => at <= since) + 1);
		for (const {before, after} of recent.filter(change => change.kind === kind.kind).toReversed()) {
			const {name, namespace} = (after ?? before!).metadata;
			if (before) {
				objects.set(keyOf(name, namespace), before);
			} else {
				objects.delete(keyOf(name, namespace));
			}
		}

		return objects;
	}

	#found({kind, name, namespace}: Target): Stored | undefined {
		return this.find(kind.kind, name ?? '', namespace);
	}

	#sorted(kind: Kind): readonly Stored[] {
		const known = this.#inOrder.get(kind) ?? inOrder(this.#objects.get(kind.kind)!);
		this.#inOrder.set(kind, known);
		return known;
	}

	/** Five characters without vowels, as the API server's. */
	#suffix(): string {
		const letters = 'bcdfghjklmnpqrstvwxz2456789';
		return Array.from({length: 5}, () => letters[Math.floor(this.#options.random() * letters.length)]).join('');
	}

	#uid(): string {
		return `00000000-0000-4000-8000-${String(++this.#serial).padStart(12, '0')}`;
	}
}

type Writable = {
	readonly spec?: unknown;
	readonly metadata?: {
		readonly name?: string;
		readonly generateName?: string;
		readonly resourceVersion?: string;
		readonly uid?: string;
		readonly managedFields?: unknown;
	};
	readonly [member: string]: unknown;
};

type Target = {readonly kind: Kind; readonly namespace: string | undefined; readonly name: string | undefined; readonly query: URLSearchParams};

const noQuery = new URLSearchParams();

const parsePath = (path: string): Target | undefined => {
	const [pathname = '', search] = path.split('?');
	const place = placeOf(pathname);
	return place && {...place, query: search ? new URLSearchParams(search) : noQuery};
};

/** Whether an object is among those that a list or a watch asks for. */
const selectedBy = (namespace: string | undefined, query: URLSearchParams): (object: Stored) => boolean => {
	const matchesLabels = labelSelector(query.get('labelSelector'));
	const matchesFields = fieldSelector(query.get('fieldSelector'));
	return object => (namespace === undefined || object.metadata.namespace === namespace) && matchesLabels(object) && matchesFields(object);
};

const places = new Map<string, Omit<Target, 'query'> | undefined>();

/** Remembered, for there are few paths and many requests. */
const placeOf = (pathname: string): Omit<Target, 'query'> | undefined => {
	if (!places.has(pathname)) {
		const steps = pathname.split('/').slice(1);
		const root = steps[0] === 'api' ? steps.splice(0, 2).slice(1).join('/') : steps.splice(0, 3).slice(1).join('/');
		const namespace = steps[0] === 'namespaces' && steps.length > 2 ? steps.splice(0, 2)[1] : undefined;
		const [resource, name] = steps;
		const kind = kinds.find(kind => kind.resource === resource && kind.apiVersion === root);
		if (places.size > 10_000) {
			places.clear();
		}

		places.set(pathname, kind && steps.length <= 2 ? {kind, namespace, name} : undefined);
	}

	return places.get(pathname);
};

/** In the order of etcd's keys, which is that of names. */
const inOrder = (objects: ReadonlyMap<string, Stored>): Stored[] => [...objects].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);

const keyOf = (name: string, namespace: string | undefined): string => (namespace === undefined ? name : `${namespace}/${name}`);

const statusOf = ({status, reason, message}: Refusal) => ({kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code: status});

/** An answer that is an error. */
export const failure = (refusal: Refusal): ApiAnswer => ({status: refusal.status, body: statusOf(refusal)});

const notFound = ({kind, name}: Target): ApiAnswer => failure({status: 404, reason: 'NotFound', message: `${kind.resource} "${name}" not found`});

const metadataOf = (body: unknown): unknown => {
	const {metadata, items} = body as {metadata: unknown; items?: ReadonlyArray<{metadata: unknown}>};
	const shared = {apiVersion: 'meta.k8s.io/v1', metadata};
	return items
		? {...shared, kind: 'PartialObjectMetadataList', items: items.length === 0 ? null : items.map(item => ({apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata: item.metadata}))}
		: {...shared, kind: 'PartialObjectMetadata'};
};
