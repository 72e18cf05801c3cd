/**
 * The API of the embedded control plane: the in-memory API server of the tests, with what clients other than the product need
 * on top of it. That is discovery, tables, subresources, more types of patches, and the calls of mutating webhooks for Pods.
 */
import {messageOf} from '../../../src/errors.ts';
import {failure} from '../../in-memory-api/answers.ts';
import type {ApiAnswer, ApiRequest} from '../../in-memory-api/answers.ts';
import {ApiServer} from '../../in-memory-api/api-server.ts';
import type {Stored} from '../../in-memory-api/kinds.ts';
import type {PodSpec} from '../../in-memory-api/pod-spec.ts';
import {parsePath} from '../../in-memory-api/target.ts';
import type {Target} from '../../in-memory-api/target.ts';
import type {MutatingWebhooks} from '../admission/mutating-webhooks.ts';
import type {Caller} from './caller.ts';
import {withDefaults} from './defaults.ts';
import {discover} from './discovery.ts';
import {applyPatchType, patchedBy} from './patches.ts';
import {carryOutScale, subresourceOf} from './subresources.ts';
import {tableOf, wantsTable} from './tables.ts';

/** An answer, and the warnings that webhooks have added to it. */
export type Answer = ApiAnswer & {readonly warnings?: readonly string[]};

type Writable = {readonly metadata?: Readonly<Record<string, unknown>>; readonly spec?: unknown; readonly [member: string]: unknown};

export class EmbeddedApi {
	/** Reads are never stale: there is one API server, and it has all objects in memory. */
	readonly server = new ApiServer({now: Date.now, random: Math.random, stalestMs: 0});
	readonly #webhooks: MutatingWebhooks;

	constructor(webhooks: MutatingWebhooks) {
		this.#webhooks = webhooks;
	}

	/** Resolves with the answer, whatever its status. A watch is not a request of this kind: see `server.watch`. */
	async handle(request: ApiRequest, caller: Caller): Promise<Answer> {
		const discovered = request.method === 'GET' ? discover(request.path) : undefined;
		if (discovered) {
			return {status: 200, body: discovered};
		}

		const answer = await this.#carryOut(request, caller);
		return answer.status < 300 && wantsTable(request) ? {...answer, body: tableOf(answer.body, Date.now())} : answer;
	}

	async #carryOut(request: ApiRequest, caller: Caller): Promise<Answer> {
		const subresource = subresourceOf(request.path);
		if (subresource?.name === 'scale') {
			return carryOutScale(this.server, request, subresource.objectPath, caller.user);
		}

		if (subresource) {
			const {status} = (request.body ?? {}) as Writable;
			return this.server.handle(request.method === 'GET'
				? {...request, path: subresource.objectPath}
				: {method: 'PATCH', path: subresource.objectPath, contentType: 'application/merge-patch+json', body: {status}}, caller.user);
		}

		const target = parsePath(request.path);
		switch (target && request.method) {
			case 'POST': {
				return this.#create(request, target!, caller);
			}

			case 'PUT': {
				return this.server.handle({...request, body: withCreationTime(request.body as Writable, this.#stored(target!))}, caller.user);
			}

			case 'PATCH': {
				return this.#patch(request, target!, caller);
			}

			default: {
				return this.server.handle(request, caller.user);
			}
		}
	}

	/** The order of a real API server: defaults, webhooks, defaults again, quota, validation, storage. */
	async #create(request: ApiRequest, target: Target, caller: Caller): Promise<Answer> {
		const {kind, namespace} = target;
		const body = withDefaults(kind, namespace, request.body as Stored);
		if (kind.kind !== 'Pod' || namespace === undefined || !this.server.find('Namespace', namespace)) {
			return this.server.handle({...request, body}, caller.user);
		}

		if (!Array.isArray((body['spec'] as PodSpec | undefined)?.containers)) {
			return failure({status: 422, reason: 'Invalid', message: 'spec.containers: Required value'});
		}

		const admitted = await this.#webhooks.admit(body, {namespace, caller, isDryRun: target.query.get('dryRun') === 'All'}, this.server);
		return 'refusal' in admitted
			? {...failure(admitted.refusal), warnings: admitted.warnings}
			: {...this.server.handle({...request, body: withDefaults(kind, namespace, admitted.pod)}, caller.user), warnings: admitted.warnings};
	}

	async #patch(request: ApiRequest, target: Target, caller: Caller): Promise<Answer> {
		const stored = this.#stored(target);
		if (!stored && request.contentType === applyPatchType) {
			return this.#createByApply(request, target, caller);
		}

		let body: unknown;
		try {
			body = stored && patchedBy(stored, request);
		} catch (error) {
			return failure({status: 422, reason: 'Invalid', message: `the patch does not apply: ${messageOf(error)}`});
		}

		// What is left are merge patches, which the in-memory server applies, and requests that it rejects.
		return this.server.handle(body ? {...request, method: 'PUT', body} : request, caller.user);
	}

	async #createByApply(request: ApiRequest, {name}: Target, caller: Caller): Promise<Answer> {
		const [pathname = '', query = ''] = request.path.split('?');
		const path = `${pathname.slice(0, pathname.lastIndexOf('/'))}?${query}`;
		const manifest = request.body as Writable;
		return this.#create({...request, method: 'POST', path, body: {...manifest, metadata: {...manifest.metadata, name}}}, parsePath(path)!, caller);
	}

	#stored({kind, name = '', namespace}: Target): Stored | undefined {
		return this.server.find(kind.kind, name, namespace);
	}
}

/** A client can't change when an object was created. */
const withCreationTime = (body: Writable, stored: Stored | undefined): Writable => {
	const creationTimestamp = (stored?.metadata as {readonly creationTimestamp?: string} | undefined)?.creationTimestamp;
	return creationTimestamp === undefined ? body : {...body, metadata: {...body.metadata, creationTimestamp}};
};
