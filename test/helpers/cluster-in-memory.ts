/**
 * A cluster with an in-memory API server, as everybody but the replica under test uses it: `ClusterInMemory` does what other
 * replicas, controllers and people with `kubectl` do. A replica's own client is `ApiInMemory`; see `api-in-memory.ts`.
 */
import type {Clock} from '../../src/clock.ts';
import type {StoredPod} from '../../src/ports/host-port-use.ts';
import {ledgerAnnotations} from '../../src/ports/ledger-metadata.ts';
import {commitMetadata, fieldManager} from '../../src/ports/ledger-origin.ts';
import type {ApiRequest} from '../../harness/in-memory-api/answers.ts';
import {ApiServer} from '../../harness/in-memory-api/api-server.ts';
import {bodyOf} from '../../harness/in-memory-api/client-requests.ts';
import {kinds} from '../../harness/in-memory-api/kinds.ts';
import type {Stored} from '../../harness/in-memory-api/kinds.ts';
import {seededRandom} from './seeded-random.ts';

type Metadata = {readonly name: string; readonly namespace?: string};

type Manifest = {
	readonly metadata: Metadata & {readonly uid?: string; readonly resourceVersion?: string; readonly [member: string]: unknown};
	readonly [member: string]: unknown;
};

/** None of its requests ever fails because of a fault. */
export class ClusterInMemory {
	readonly server: ApiServer;

	constructor(clock: Pick<Clock, 'now'>) {
		// Reads are never stale here; the simulation tests stale ones.
		this.server = new ApiServer({now: clock.now, random: seededRandom(1), stalestMs: 0});
		for (const name of ['operators', 'game', 'shop']) {
			this.put('Namespace', {metadata: {name}});
		}
	}

	/** Creates an object, or replaces it whatever its version. The default namespace is `operators`. */
	put(kind: string, {metadata: {uid: _uid, resourceVersion: _version, ...metadata}, ...rest}: Manifest): Stored {
		const known = this.find(kind, metadata);
		const body = {...rest, metadata: {...metadata, ...(known && {resourceVersion: known.metadata.resourceVersion})}};
		return this.#carryOut(known
			? {method: 'PUT', path: pathOf(kind, metadata), body}
			: {method: 'POST', path: pathOf(kind, {...(metadata.namespace && {namespace: metadata.namespace})}), body});
	}

	/** Creates an index or a page that a replica has opened, whatever its manifest says of that. */
	putOpened(manifest: Manifest): Stored {
		const {metadata: {name, uid}} = this.put('ConfigMap', manifest);
		return this.commit(name, {[ledgerAnnotations.openedAs]: uid});
	}

	putAll(kind: string, manifests: readonly Manifest[]): void {
		for (const manifest of manifests) {
			this.put(kind, manifest);
		}
	}

	/** Applies a merge patch, as a person does. */
	patch(kind: string, metadata: Metadata, body: object, by: Pick<ApiRequest, 'fieldManager'> = {}): Stored {
		return this.#carryOut({method: 'PATCH', path: pathOf(kind, metadata), body, contentType: 'application/merge-patch+json', ...by});
	}

	/** Changes annotations of an index or a page in a commit, as another replica does. */
	commit(name: string, annotations: Readonly<Record<string, string | null>> = {}): Stored {
		return this.patch('ConfigMap', {name}, {metadata: commitMetadata(this.find('ConfigMap', {name})!.metadata, annotations)}, {fieldManager});
	}

	remove(kind: string, metadata: Metadata): void {
		this.#carryOut({method: 'DELETE', path: pathOf(kind, metadata)});
	}

	find(kind: string, {name, namespace = 'operators'}: Metadata): Stored | undefined {
		return this.server.find(kind, name, isNamespaced(kind) ? namespace : undefined);
	}

	#carryOut(request: ApiRequest): Stored {
		return bodyOf(request, this.server.handle(request)) as Stored;
	}
}

const isNamespaced = (kind: string): boolean => kinds.find(other => other.kind === kind)!.isNamespaced;

const pathOf = (kind: string, {namespace = 'operators', name}: Partial<Metadata>): string => {
	const {apiVersion, resource} = kinds.find(other => other.kind === kind)!;
	return [apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`, ...(isNamespaced(kind) ? ['namespaces', namespace] : []), resource, ...(name === undefined ? [] : [name])].join('/');
};

/** A Pod with one host port. `managed` adds the annotation of a port that the operator gave. */
export const storedPod = (name: string, port: number, {managed = true} = {}): StoredPod => ({
	metadata: {name, namespace: 'game', uid: `uid-${name}`, ...(managed && {annotations: {'hostport.io/allocated-grpc': String(port)}})},
	spec: {nodeName: 'worker-1', containers: [{ports: [{name: 'grpc', containerPort: port, hostPort: port, protocol: 'TCP'}]}]},
});
