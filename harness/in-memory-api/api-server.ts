/**
 * An in-memory API server. For the kinds in `kinds.ts`, a client must not be able to tell it from a real one: the contract
 * suite (`api-contract.ts`) runs against both.
 */
import {failure, metadataOf, wantsMetadataOnly} from './answers.ts';
import type {ApiAnswer, ApiRequest} from './answers.ts';
import type {Kind, Stored} from './kinds.ts';
import {isSameJson, mergePatch} from './merge-patch.ts';
import {managedFieldsAfter} from './managed-fields.ts';
import {ObjectStore} from './object-store.ts';
import type {Change, ObjectStoreOptions} from './object-store.ts';
import {defaultedPodSpec} from './pod-spec.ts';
import type {PodSpec} from './pod-spec.ts';
import {parsePath, selectorOf} from './target.ts';
import type {Target} from './target.ts';
import {watchObjects} from './watch.ts';
import type {WatchedEvent} from './watch.ts';

export type ApiServerOptions = ObjectStoreOptions;

/** A list that is read in pages shows one moment, for as long as etcd remembers it: five minutes. */
const continueLifetimeMs = 300_000;

/** What the pages of a list that have not been read yet hold. */
type Continued = {readonly at: number; readonly version: number; readonly rest: readonly Stored[]};

export class ApiServer {
	/** The most objects in a page of a list, whatever limit the client names. A real API server may set one too. */
	longestPage = Infinity;
	readonly #options: ApiServerOptions;
	readonly #store: ObjectStore;
	/** By token. */
	readonly #continues = new Map<string, Continued>();
	readonly #closedQuotas = new Set<string>();
	#serial = 0;

	constructor(options: ApiServerOptions) {
		this.#options = options;
		this.#store = new ObjectStore(options);
	}

	/** Calls the listener for every change, before the write is answered. Returns the function that ends this. */
	subscribe(listener: (change: Change) => void): () => void {
		return this.#store.subscribe(listener);
	}

	/** All objects of a kind, in the order of their creation. */
	all(kind: string): IterableIterator<Stored> {
		return this.#store.all(kind);
	}

	find(kind: string, name: string, namespace?: string): Stored | undefined {
		return this.#store.find(kind, name, namespace);
	}

	/** As etcd's compaction: watches and paged lists of an earlier version end with 410. */
	compact(): void {
		this.#store.compact();
		this.#continues.clear();
	}

	/** From now on, creating a Pod in this namespace is a 403. */
	closeQuota(namespace: string): void {
		this.#closedQuotas.add(namespace);
	}

	/** @param by the client, by which `Change` tells whose write it was. */
	handle(request: ApiRequest, by = 'a client'): ApiAnswer {
		const target = parsePath(request.path);
		if (!target) {
			return failure({status: 404, reason: 'NotFound', message: 'the server could not find the requested resource'});
		}

		const answer = this.#carryOut(request, target, by);
		return answer.status < 300 && wantsMetadataOnly(request) ? {status: answer.status, body: metadataOf(answer.body)} : answer;
	}

	/** See `watchObjects`. */
	watch(request: Pick<ApiRequest, 'path' | 'accept'>, onEvent: (event: WatchedEvent) => void): () => void {
		return watchObjects(this.#store, request, onEvent);
	}

	#carryOut({method, body, contentType, fieldManager = 'another-client'}: ApiRequest, target: Target, by: string): ApiAnswer {
		const writer = {by, fieldManager};
		switch (method) {
			case 'GET': {
				return target.name === undefined ? this.#list(target) : this.#get(target);
			}

			case 'POST': {
				return this.#create(target, body as Writable, writer);
			}

			case 'PUT': {
				return this.#update(target, () => body as Writable, writer);
			}

			case 'PATCH': {
				// Both types mean the same for these kinds and clients: members of objects are merged, null removes one.
				return contentType === 'application/merge-patch+json' || contentType === 'application/strategic-merge-patch+json'
					? this.#update(target, stored => mergePatch(stored, body) as Writable, writer)
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
		const {kind, namespace, name = ''} = target;
		const found = mayBeStale(target) ? this.#store.findStale(kind, name, namespace) : this.#found(target);
		return found ? {status: 200, body: found} : notFound(target);
	}

	#list(target: Target): ApiAnswer {
		const {kind, query} = target;
		const token = query.get('continue');
		let version = this.#store.version;
		let objects: readonly Stored[];
		if (token) {
			const continued = this.#continues.get(token);
			this.#continues.delete(token);
			if (!continued || this.#options.now() - continued.at > continueLifetimeMs) {
				return failure({status: 410, reason: 'Expired', message: 'The provided continue parameter is too old to display a consistent list result'});
			}

			({version, rest: objects} = continued);
		} else {
			objects = (mayBeStale(target) ? this.#store.sortedStale(kind) : this.#store.sorted(kind)).filter(selectorOf(target));
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

	#create(target: Target, body: Writable, writer: Writer): ApiAnswer {
		const {kind, namespace, name: named} = target;
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

		const object = prepared(kind, body);
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
		const created = {...object, apiVersion: kind.apiVersion, kind: kind.kind, metadata: {...metadata, name, ...(namespace !== undefined && {namespace}), uid: this.#uid()}} as unknown as Stored;
		return {status: 201, body: this.#write(target, undefined, this.#withManagedFields(kind, undefined, body, created, writer), writer.by)};
	}

	#update(target: Target, change: (stored: Stored) => Writable, writer: Writer): ApiAnswer {
		const {kind} = target;
		const stored = this.#found(target);
		if (!stored) {
			return notFound(target);
		}

		const body = change(stored);
		const named = body.metadata?.resourceVersion;
		if (!named && !kind.allowsUnconditionalUpdate) {
			return failure({status: 422, reason: 'Invalid', message: 'metadata.resourceVersion: Invalid value: 0: must be specified for an update'});
		}

		if (named && named !== stored.metadata.resourceVersion) {
			return failure({status: 409, reason: 'Conflict', message: `Operation cannot be fulfilled on ${kind.resource} "${target.name}": the object has been modified; please apply your changes to the latest version and try again`});
		}

		const object = prepared(kind, body);
		const problem = kind.problem?.(object);
		if (problem) {
			return failure(problem);
		}

		const {uid, resourceVersion, name, namespace} = stored.metadata;
		const next = this.#withManagedFields(kind, stored, body, {...object, metadata: {...object.metadata, name, ...(namespace !== undefined && {namespace}), uid, resourceVersion}} as Stored, writer);
		return {status: 200, body: isSameJson(stored, next) ? stored : this.#write(target, stored, next, writer.by)};
	}

	#delete(target: Target, by: string): ApiAnswer {
		const stored = this.#found(target);
		return stored ? {status: 200, body: this.#write(target, stored, undefined, by)} : notFound(target);
	}

	/** A dry run is answered as if it had been stored. */
	#write({kind, query}: Target, before: Stored | undefined, next: Stored | undefined, by: string): Stored {
		return query.get('dryRun') === 'All' ? (next ?? before)! : this.#store.write(kind, before, next, by);
	}

	#withManagedFields(kind: Kind, before: Stored | undefined, {metadata}: Writable, next: Stored, {fieldManager}: Writer): Stored {
		const time = new Date(this.#options.now()).toISOString().replace(/\.\d+/, '');
		const managedFields = kind.hasManagedFields && managedFieldsAfter(before, metadata?.managedFields, next, fieldManager, time);
		return managedFields ? {...next, metadata: {...next.metadata, managedFields}} : next;
	}

	#found({kind, name, namespace}: Target): Stored | undefined {
		return this.find(kind.kind, name ?? '', namespace);
	}

	/** Five characters without vowels, as a real API server appends them to `generateName`. */
	#suffix(): string {
		const letters = 'bcdfghjklmnpqrstvwxz2456789';
		return Array.from({length: 5}, () => letters[Math.floor(this.#options.random() * letters.length)]).join('');
	}

	#uid(): string {
		return `00000000-0000-4000-8000-${String(++this.#serial).padStart(12, '0')}`;
	}
}

/** Who writes: the name in `Change`, and the owner of the fields. */
type Writer = {readonly by: string; readonly fieldManager: string};

/** An object as a client writes it. */
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

/** With defaults, and without the managedFields that the client sent. */
const prepared = (kind: Kind, {metadata, ...body}: Writable): Writable => {
	const {managedFields: _fields, ...kept} = metadata ?? {};
	return {...body, metadata: kept, ...(kind.kind === 'Pod' && {spec: defaultedPodSpec(body.spec as PodSpec)})};
};

const mayBeStale = ({query}: Target): boolean => query.get('resourceVersion') === '0';

const notFound = ({kind, name}: Target): ApiAnswer => failure({status: 404, reason: 'NotFound', message: `${kind.resource} "${name}" not found`});
