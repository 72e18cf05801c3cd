/** What a person may do to the ledger and the Leases with `kubectl` while replicas run. */
import type {ApiServer} from '../../../harness/in-memory-api/api-server.ts';
import type {Stored} from '../../../harness/in-memory-api/kinds.ts';
import {dataOf} from '../checks/stored-ledger.ts';
import type {EventLog} from '../world/event-log.ts';
import type {ContestedRange} from '../world/pod-kinds.ts';
import type {Random} from '../world/random.ts';

export type ManualEditsOptions = {
	readonly server: ApiServer;
	readonly random: Random;
	readonly eventLog: EventLog;
	readonly contested: ContestedRange;
	readonly namespace: string;
};

/** The client's name in the changes that a person makes. */
export const manualEditor = 'a person';

export const createManualEdits = ({server, random, eventLog, contested, namespace}: ManualEditsOptions) => {
	const configMaps = `/api/v1/namespaces/${namespace}/configmaps`;
	const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
	const pages = (): Stored[] => [...server.all('ConfigMap')].filter(({metadata}) => metadata.labels?.['hostport.io/ledger'] === 'page');
	const remove = (path: string) => {
		eventLog.write(`a person deletes ${path}: ${server.handle({method: 'DELETE', path}, manualEditor).status}`);
	};

	const patch = (path: string, body: object) => {
		eventLog.write(`a person edits ${path} ${JSON.stringify(body)}: ${server.handle({method: 'PATCH', path, body, contentType: 'application/merge-patch+json'}, manualEditor).status}`);
	};

	return {
		deleteLease() {
			remove(`${leases}/${random.pick(['hostport-ledger', 'hostport-ledger', 'hostport-reconciler'])}`);
		},

		deleteLedgerLease() {
			remove(`${leases}/hostport-ledger`);
		},

		/** Sets another holder or another queue, or writes an invalid value. */
		editLease() {
			const path = `${leases}/${random.pick(['hostport-ledger', 'hostport-reconciler'])}`;
			patch(path, random.pick([
				{spec: {holderIdentity: 'somebody'}},
				{spec: {holderIdentity: null}},
				{spec: {renewTime: '2031-01-01T00:00:00.000000Z'}},
				{spec: {leaseDurationSeconds: null}},
				{metadata: {annotations: {'hostport.io/waiters': 'nobody,,nobody, ,x'}}},
				{metadata: {annotations: {'hostport.io/waiters': null}}},
			]));
		},

		deleteIndex() {
			remove(`${configMaps}/hostport-ledger`);
		},

		/** `kubectl delete configmaps -l hostport.io/ledger`. In half of the cases it deletes only some of them. */
		deleteLedger() {
			const all = [...pages().map(({metadata: {name}}) => name), 'hostport-ledger'];
			for (const name of random.chance(0.5) ? all : all.slice(random.integer(0, all.length))) {
				remove(`${configMaps}/${name}`);
			}
		},

		/**
		 * Copies the ledger, or one object of it, as backup tools do. Returns the function that puts the copy back: it replaces
		 * each object, or deletes it first.
		 */
		copyLedger() {
			const index = server.find('ConfigMap', 'hostport-ledger', namespace);
			const all = [...pages(), ...(index ? [index] : [])];
			const one = random.pick(all);
			const copied = random.chance(0.5) || !one ? all : [one];
			const deletesFirst = random.chance(0.5);
			return () => {
				for (const {metadata: {uid: _uid, resourceVersion: _version, ...metadata}, ...rest} of copied) {
					const path = `${configMaps}/${metadata.name}`;
					if (deletesFirst) {
						remove(path);
					}

					const body = {...rest, metadata};
					const exists = server.find('ConfigMap', metadata.name, namespace) !== undefined;
					const {status} = server.handle(exists ? {method: 'PUT', path, body} : {method: 'POST', path: configMaps, body}, manualEditor);
					eventLog.write(`a person puts a copy of ${path} back: ${status}`);
				}
			};
		},

		/**
		 * Copies the entries of all pages. Returns the function that writes them back, as `kubectl apply` of a file without
		 * annotations does. Nothing shows that to a replica which has known the pages.
		 */
		copyEntries() {
			const copied = pages();
			return () => {
				for (const {metadata: {name}, ...rest} of copied) {
					const removed = Object.fromEntries(Object.keys(dataOf(server.find('ConfigMap', name, namespace))).map(key => [key, null]));
					patch(`${configMaps}/${name}`, {data: {...removed, ...dataOf({metadata: {name}, ...rest} as Stored)}});
				}
			};
		},

		/** Deletes this page, or a random one. */
		deletePage(page = random.pick(pages())) {
			if (page) {
				remove(`${configMaps}/${page.metadata.name}`);
			}
		},

		/**
		 * Adds a value that this version can not read, an entry with fields of a later version, a valid entry, a range, or a key of another page; or replaces
		 * the page by a copy with one more label, without a resourceVersion.
		 */
		editPage() {
			const page = random.pick(pages());
			const path = `${configMaps}/${page?.metadata.name}`;
			if (!page) {
				return;
			}

			if (random.chance(0.3)) {
				const {resourceVersion: _version, ...metadata} = page.metadata;
				const body = {...page, metadata: {...metadata, labels: {...metadata.labels, reviewed: 'yes'}}};
				eventLog.write(`a person replaces ${path}: ${server.handle({method: 'PUT', path, body}, manualEditor).status}`);
				return;
			}

			const [first = 0, last = 0] = (page.metadata.annotations?.['hostport.io/ports'] ?? '').split('-').map(Number);
			const port = random.integer(Math.max(first, contested.first), Math.min(last, contested.last));
			const key = `${port}.tcp`;
			if (key in dataOf(page) || port < first || port > last) {
				return;
			}

			patch(path, {data: random.pick([
				{[key]: 'mine, do not touch'},
				{[key]: JSON.stringify({pod: 'game/new', port: 'grpc', state: 'bound', zone: 'a', since: '2026-11-22T10:00:00Z'})},
				{[key]: JSON.stringify({pod: 'game/old', port: 'grpc', state: 'bound', since: '2026-11-22T10:00:00Z'})},
				{[`${port}-${port + 2}.tcp`]: 'mine, do not touch'},
				{[`${port + 500}.tcp`]: 'in the wrong page'},
				{note: 'see the wiki'},
			])});
		},
	};
};

export type ManualEdits = ReturnType<typeof createManualEdits>;
