/**
 * What the simulation and the unit tests rely on in an API server. The same tests run against the in-memory server and against
 * a real kube-apiserver, so that the in-memory one can not differ from it unnoticed.
 */
import type {ExecutionContext, TestFn} from 'ava';
import type {ApiAnswer, ApiRequest} from '../../../harness/in-memory-api/answers.ts';
import type {WatchedEvent} from '../../../harness/in-memory-api/watch.ts';

export type ApiUnderTest = {
	readonly send: (request: ApiRequest) => Promise<ApiAnswer>;
	/** Watches a path for `timeoutSeconds`, calls `meanwhile` after the start, and resolves with all events. */
	readonly watch: (path: string, timeoutSeconds: number, meanwhile?: () => Promise<void>) => Promise<readonly WatchedEvent[]>;
	/** Makes the namespace's quota reject every new Pod. */
	readonly closeQuota: (namespace: string) => Promise<void>;
};

type Fields = {readonly [field: string]: Fields};

type Body = {
	readonly kind: string;
	readonly reason?: string;
	readonly metadata: {
		readonly name: string;
		readonly uid: string;
		readonly resourceVersion: string;
		readonly continue?: string;
		readonly labels?: Record<string, string>;
		readonly annotations?: Record<string, string>;
		readonly managedFields?: ReadonlyArray<{readonly manager: string; readonly fieldsV1: Fields}>;
	};
	readonly data?: Record<string, string>;
	readonly webhooks?: ReadonlyArray<{readonly clientConfig: {readonly url?: string; readonly caBundle?: string}}>;
	readonly items: readonly Body[];
	readonly spec: {readonly containers: ReadonlyArray<{readonly ports: ReadonlyArray<{hostPort?: number; protocol?: string}>}>; readonly dnsPolicy?: string};
};

/** Registers the tests. Each gets its own namespace. */
export const testContract = (test: TestFn, api: () => ApiUnderTest): void => {
	let serial = 0;
	const contract = (title: string, run: (t: ExecutionContext, tools: ReturnType<typeof toolsFor>) => Promise<void>) => {
		test.serial(`API server: ${title}`, async t => {
			const namespace = `contract-${++serial}`;
			const {status} = await api().send({method: 'POST', path: '/api/v1/namespaces', body: {apiVersion: 'v1', kind: 'Namespace', metadata: {name: namespace}}});
			t.is(status, 201);
			await run(t, toolsFor(api(), namespace));
		});
	};

	contract('a patch with an old resourceVersion is a 409 and changes nothing', async (t, {configMaps, make, patch, get}) => {
		const {metadata: {resourceVersion}} = await make('page');
		t.is((await patch(`${configMaps}/page`, {metadata: {resourceVersion}, data: {a: '1'}})).status, 200);
		const {status, body} = await patch(`${configMaps}/page`, {metadata: {resourceVersion}, data: {a: '2'}});
		t.is(status, 409);
		t.is(body.reason, 'Conflict');
		t.deepEqual((await get(`${configMaps}/page`)).body.data, {a: '1'});
	});

	contract('a patch without a resourceVersion is applied; null removes a key', async (t, {configMaps, make, patch, get}) => {
		await make('page', {a: '1', b: '1'});
		t.is((await patch(`${configMaps}/page`, {data: {a: null, c: '1'}})).status, 200);
		t.deepEqual((await get(`${configMaps}/page`)).body.data, {b: '1', c: '1'});
	});

	contract('a write that changes nothing keeps the resourceVersion', async (t, {configMaps, make, patch, send}) => {
		const made = await make('page', {a: '1'});
		const {body} = await patch(`${configMaps}/page`, {metadata: {resourceVersion: made.metadata.resourceVersion}, data: {a: '1', b: null}});
		t.is(body.metadata.resourceVersion, made.metadata.resourceVersion);
		const put = await send({method: 'PUT', path: `${configMaps}/page`, body: made});
		t.is(put.body.metadata.resourceVersion, made.metadata.resourceVersion);
	});

	contract('a PUT of a ConfigMap without a resourceVersion overwrites it', async (t, {configMaps, make, patch, send, get}) => {
		await make('page', {a: '1'});
		await patch(`${configMaps}/page`, {data: {b: 'by another client'}});
		const {status} = await send({method: 'PUT', path: `${configMaps}/page`, body: configMap('page', {a: '2'})});
		t.is(status, 200);
		t.deepEqual((await get(`${configMaps}/page`)).body.data, {a: '2'});
	});

	contract('a PUT with an old resourceVersion is a 409', async (t, {configMaps, make, patch, send}) => {
		const made = await make('page');
		await patch(`${configMaps}/page`, {data: {a: '1'}});
		t.is((await send({method: 'PUT', path: `${configMaps}/page`, body: made})).status, 409);
	});

	contract('a dry run is answered like a write, and stores nothing', async (t, {configMaps, make, patch, send, get}) => {
		t.is((await send({method: 'POST', path: `${configMaps}?dryRun=All`, body: configMap('none')})).status, 201);
		t.is((await get(`${configMaps}/none`)).status, 404);
		await make('page', {a: '1'});
		t.deepEqual((await patch(`${configMaps}/page?dryRun=All`, {data: {a: '2'}})).body.data, {a: '2'});
		t.deepEqual((await get(`${configMaps}/page`)).body.data, {a: '1'});
		t.is((await send({method: 'POST', path: `${configMaps}?dryRun=All`, body: configMap('page')})).status, 409);
		t.is((await send({method: 'DELETE', path: `${configMaps}/page?dryRun=All`})).status, 200);
		t.is((await get(`${configMaps}/page`)).status, 200);
	});

	contract('resourceVersions grow, and a re-created object has a new UID', async (t, {configMaps, make, patch, send}) => {
		const first = await make('page');
		const {body: second} = await patch(`${configMaps}/page`, {data: {a: '1'}});
		t.true(BigInt(second.metadata.resourceVersion) > BigInt(first.metadata.resourceVersion));
		t.is(second.metadata.uid, first.metadata.uid);
		t.is((await send({method: 'DELETE', path: `${configMaps}/page`})).status, 200);
		t.not((await make('page')).metadata.uid, first.metadata.uid);
	});

	contract('every request for an absent object or namespace is a 404', async (t, {namespace, configMaps, get, patch, send}) => {
		const answers = [
			await get(`${configMaps}/none`),
			await patch(`${configMaps}/none`, {data: {a: '1'}}),
			await send({method: 'PUT', path: `${configMaps}/none`, body: configMap('none')}),
			await send({method: 'DELETE', path: `${configMaps}/none`}),
			await send({method: 'POST', path: `/api/v1/namespaces/not-${namespace}/configmaps`, body: configMap('none')}),
		];
		t.deepEqual(answers.map(({status, body}) => [status, body.reason]), answers.map(() => [404, 'NotFound']));
	});

	contract('creating an object that exists is a 409 AlreadyExists', async (t, {configMaps, make, send}) => {
		await make('page');
		const {status, body} = await send({method: 'POST', path: configMaps, body: configMap('page')});
		t.is(status, 409);
		t.is(body.reason, 'AlreadyExists');
	});

	contract('PartialObjectMetadata is only metadata, for objects and for lists', async (t, {configMaps, make, send, patch}) => {
		await make('page', {a: '1'});
		const one = await send({method: 'PATCH', path: `${configMaps}/page`, body: {data: {b: '1'}}, contentType: mergePatchType, accept: metadataOnly('PartialObjectMetadata')});
		t.is(one.body.kind, 'PartialObjectMetadata');
		t.is(one.body.metadata.name, 'page');
		t.is(one.body.data, undefined);
		const {body: {metadata}} = await patch(`${configMaps}/page`, {data: {b: '1'}});
		t.is(metadata.resourceVersion, one.body.metadata.resourceVersion, 'the patch was applied');
		const many = await send({method: 'GET', path: `${configMaps}?limit=10`, accept: metadataOnly('PartialObjectMetadataList')});
		t.is(many.body.kind, 'PartialObjectMetadataList');
		t.true(many.body.items.some(item => item.metadata.name === 'page'));
		t.true(many.body.items.every(item => item.data === undefined));
		const none = await send({method: 'GET', path: `${configMaps}?labelSelector=no-object%3Dhas-it`, accept: metadataOnly('PartialObjectMetadataList')});
		const {items}: {readonly items: unknown} = none.body;
		t.is(items, null);
	});

	contract('the pages of a list show one moment, in the order of names', async (t, {configMaps, make, get}) => {
		for (const name of ['x-4', 'x-2', 'x-3', 'x-1']) {
			await make(name, {}, {test: 'list'});
		}

		const first = await get(`${configMaps}?labelSelector=test%3Dlist&limit=3`);
		t.deepEqual(first.body.items.map(({metadata: {name}}) => name), ['x-1', 'x-2', 'x-3']);
		await make('x-5', {}, {test: 'list'});
		const second = await get(`${configMaps}?labelSelector=test%3Dlist&limit=3&continue=${encodeURIComponent(first.body.metadata.continue ?? '')}`);
		t.deepEqual(second.body.items.map(({metadata: {name}}) => name), ['x-4']);
		t.falsy(second.body.metadata.continue);
		t.is(second.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
	});

	contract('selectors match labels by presence and value, and fields by value', async (t, {configMaps, make, get}) => {
		await make('index', {}, {ledger: 'index'});
		await make('page', {}, {ledger: 'page'});
		const names = async (selector: string) => (await get(`${configMaps}?labelSelector=${encodeURIComponent(selector)}`)).body.items.map(({metadata: {name}}) => name);
		t.deepEqual(await names('ledger'), ['index', 'page']);
		t.deepEqual(await names('ledger=page'), ['page']);
		t.deepEqual(await names('ledger!=page,ledger'), ['index']);
		t.deepEqual((await get(`${configMaps}?fieldSelector=metadata.name%3Dpage`)).body.items.map(({metadata: {name}}) => name), ['page']);
		t.deepEqual((await get(`${configMaps}?labelSelector=ledger&fieldSelector=metadata.name!%3Dpage`)).body.items.map(({metadata: {name}}) => name), ['index']);
	});

	contract('a watch without a resourceVersion sends existing objects, then changes', async (t, {configMaps, make, patch, send, watch}) => {
		await make('page');
		await make('other');
		const events = await watch(`${configMaps}?fieldSelector=metadata.name%3Dpage`, 3, async () => {
			await patch(`${configMaps}/page`, {data: {a: '1'}});
			await patch(`${configMaps}/page`, {data: {a: '1'}});
			await patch(`${configMaps}/other`, {data: {a: '1'}});
			await send({method: 'DELETE', path: `${configMaps}/page`});
		});
		t.deepEqual(events.map(({type}) => type), ['ADDED', 'MODIFIED', 'DELETED']);
		const versions = events.map(({object}) => BigInt((object as Body).metadata.resourceVersion));
		t.true(versions[0]! < versions[1]! && versions[1]! < versions[2]!, 'a deletion has its own resourceVersion too');
	});

	contract('a watch from a resourceVersion sends the changes since', async (t, {configMaps, make, patch, watch, get}) => {
		await make('page');
		const {body: {metadata: {resourceVersion}}} = await get(`${configMaps}?limit=1`);
		await patch(`${configMaps}/page`, {data: {a: '1'}});
		const events = await watch(`${configMaps}?resourceVersion=${resourceVersion}`, 2);
		t.deepEqual(events.map(({type, object}) => [type, (object as Body).metadata.name]), [['MODIFIED', 'page']]);
	});

	contract('generateName gives a name, and an invalid Pod is a 422', async (t, {pods, send}) => {
		const {status, body} = await send({method: 'POST', path: pods, body: pod({generateName: 'game-'})});
		t.is(status, 201);
		t.regex(body.metadata.name, /^game-[a-z\d]{5}$/);
		const wrong = await send({method: 'POST', path: pods, body: pod({generateName: 'game-'}, {hostNetwork: true}, {containerPort: 9000, hostPort: 9001})});
		t.is(wrong.status, 422);
		t.is(wrong.body.reason, 'Invalid');
	});

	contract('defaults: protocol, dnsPolicy, and hostPorts on the host network', async (t, {pods, send}) => {
		const {body} = await send({method: 'POST', path: pods, body: pod({name: 'game'}, {hostNetwork: true}, {containerPort: 9000})});
		t.is(body.spec.containers[0]?.ports[0]?.hostPort, 9000);
		t.is(body.spec.containers[0]?.ports[0]?.protocol, 'TCP');
		t.is(body.spec.dnsPolicy, 'ClusterFirst');
		t.is((await send({method: 'POST', path: pods, body: pod({name: 'game'})})).status, 409);
	});

	contract('an exhausted quota is a 403', async (t, {namespace, pods, send}) => {
		await api().closeQuota(namespace);
		const {status, body} = await send({method: 'POST', path: pods, body: pod({name: 'game'})});
		t.is(status, 403);
		t.is(body.reason, 'Forbidden');
	});

	contract('a Lease needs six fractional digits, a positive duration and a resourceVersion', async (t, {leases, send, patch}) => {
		const create = async (spec: object) => (await send({method: 'POST', path: leases, body: lease(spec)})).status;
		t.is(await create({renewTime: '2026-11-22T10:00:00.000Z'}), 400);
		t.is(await create({leaseDurationSeconds: 0}), 422);
		t.is(await create({leaseTransitions: -1}), 422);
		t.is(await create({holderIdentity: 'a', leaseDurationSeconds: 3, renewTime: '2026-11-22T10:00:00.000000Z'}), 201);
		t.is((await send({method: 'PUT', path: `${leases}/ledger`, body: lease({holderIdentity: 'b'})})).status, 422);
		const {body} = await patch(`${leases}/ledger`, {spec: {holderIdentity: null}});
		t.false('holderIdentity' in body.spec);
	});

	contract('a TLS Secret needs certificate and key, and a patch keeps the other keys', async (t, {namespace, send, patch}) => {
		const secrets = `/api/v1/namespaces/${namespace}/secrets`;
		const create = async (data: object) => send({method: 'POST', path: secrets, body: {apiVersion: 'v1', kind: 'Secret', metadata: {name: 'tls'}, type: 'kubernetes.io/tls', data}});
		t.is((await create({'tls.crt': 'AAAA'})).status, 422);
		t.is((await create({'tls.crt': 'AAAA', 'tls.key': 'AAAA'})).status, 201);
		t.is((await patch(`${secrets}/tls`, {data: {'tls.key': null}})).status, 422);
		t.deepEqual((await patch(`${secrets}/tls`, {data: {'tls.crt': 'BBBB', 'ca.crt': 'CCCC'}})).body.data, {'tls.crt': 'BBBB', 'tls.key': 'AAAA', 'ca.crt': 'CCCC'});
	});

	contract('fields belong to the client that changed them last', async (t, {configMaps, send}) => {
		const path = `${configMaps}/page`;
		const write = async (fieldManager: string, request: Pick<ApiRequest, 'method' | 'body'> & {readonly path?: string}) => {
			const {status, body} = await send({path, contentType: request.method === 'PATCH' ? mergePatchType : 'application/json', ...request, fieldManager});
			t.true(status < 300, JSON.stringify(body));
			return {body, owners: ownersOf(body)};
		};

		const made = await write('first', {method: 'POST', path: configMaps, body: {...configMap('page', {a: '1', b: '1'}), metadata: {name: 'page', annotations: {commit: '1'}}}});
		t.deepEqual(made.owners, {first: ['a', 'b', 'commit']});
		const own = [{manager: 'first', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: {'f:metadata': {'f:annotations': {'f:commit': {}}}}}];
		const commit = async (value: string, data: object) => write('first', {method: 'PATCH', body: {metadata: {annotations: {commit: value}, managedFields: own}, data}});
		t.deepEqual((await commit('2', {b: '2'})).owners, {first: ['b', 'commit']}, 'A client may shorten the list.');
		t.deepEqual((await write('second', {method: 'PATCH', body: {data: {b: '3', c: '1'}}})).owners, {first: ['commit'], second: ['b', 'c']});
		t.deepEqual((await commit('3', {d: '1'})).owners, {first: ['commit', 'd']});

		const {metadata: {resourceVersion: _version, ...metadata}, ...rest} = made.body;
		const copied = await write('second', {method: 'PUT', body: {...rest, metadata}});
		t.deepEqual(copied.owners, {first: ['a'], second: ['b', 'commit']}, 'A copy brings its own list, and takes what it changes.');
		t.deepEqual((await commit('4', {})).owners, {first: ['commit']});

		const untracked = await write('second', {method: 'PUT', body: {...rest, metadata: {...metadata, managedFields: [{}]}}});
		t.deepEqual(untracked.owners, {}, 'One empty element ends the tracking.');
		t.deepEqual((await write('first', {method: 'PATCH', body: {metadata: {annotations: {commit: '5'}}}})).owners, {});
		t.deepEqual((await commit('6', {a: null})).owners, {first: ['commit']});

		const {metadata: {uid: _uid, resourceVersion: _latest, ...copy}} = (await commit('7', {b: '7'})).body;
		await send({method: 'DELETE', path});
		t.deepEqual((await write('second', {method: 'POST', path: configMaps, body: {...rest, metadata: copy}})).owners, {second: ['a', 'b', 'commit']}, 'All that is created belongs to its creator.');
	});

	contract('a webhook configuration takes a patch of its webhooks, and a PUT needs a resourceVersion', async (t, {namespace, send, patch, watch}) => {
		const configurations = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
		const clientConfig = {url: 'https://127.0.0.1/mutate'};
		const webhook = {name: 'pods.example.com', clientConfig, sideEffects: 'None', admissionReviewVersions: ['v1']};
		const configuration = {apiVersion: 'admissionregistration.k8s.io/v1', kind: 'MutatingWebhookConfiguration', metadata: {name: namespace}, webhooks: [webhook]};
		t.is((await send({method: 'POST', path: configurations, body: configuration})).status, 201);
		t.is((await send({method: 'PUT', path: `${configurations}/${namespace}`, body: configuration})).status, 422);
		const events = await watch(`${configurations}?fieldSelector=metadata.name%3D${namespace}`, 2, async () => {
			const {body: {webhooks}} = await patch(`${configurations}/${namespace}`, {webhooks: [{...webhook, clientConfig: {...clientConfig, caBundle: 'AAAA'}}]});
			t.deepEqual(webhooks?.map(({clientConfig}) => clientConfig), [{...clientConfig, caBundle: 'AAAA'}]);
		});
		t.deepEqual(events.map(({type}) => type), ['ADDED', 'MODIFIED']);
		t.is((await send({method: 'DELETE', path: `${configurations}/${namespace}`})).status, 200);
	});
};

/** The keys of annotations and data that each client owns. */
const ownersOf = ({metadata: {managedFields = []}}: Body): Record<string, string[]> => Object.fromEntries(managedFields.map(({manager, fieldsV1}) =>
	[manager, [...Object.keys(fieldsV1['f:metadata']?.['f:annotations'] ?? {}), ...Object.keys(fieldsV1['f:data'] ?? {})].filter(key => key !== '.').map(key => key.slice('f:'.length)).toSorted()]));

/** What the product sends. For these objects it means the same as a merge patch. */
const mergePatchType = 'application/strategic-merge-patch+json';

const metadataOnly = (kind: string): string => `application/json;as=${kind};g=meta.k8s.io;v=v1`;

const configMap = (name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}) =>
	({apiVersion: 'v1', kind: 'ConfigMap', metadata: {name, labels}, data});

const pod = (metadata: object, spec: object = {}, port: object = {containerPort: 9000}) => ({
	apiVersion: 'v1',
	kind: 'Pod',
	metadata,
	spec: {...spec, containers: [{name: 'server', image: 'example.com/server:1', ports: [port]}]},
});

const lease = (spec: object) => ({apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: {name: 'ledger'}, spec});

const toolsFor = (api: ApiUnderTest, namespace: string) => {
	const configMaps = `/api/v1/namespaces/${namespace}/configmaps`;
	const send = async (request: ApiRequest) => {
		const {status, body} = await api.send(request);
		return {status, body: body as Body};
	};

	return {
		namespace,
		configMaps,
		pods: `/api/v1/namespaces/${namespace}/pods`,
		leases: `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`,
		send,
		watch: api.watch,
		get: async (path: string) => send({method: 'GET', path}),
		patch: async (path: string, body: object) => send({method: 'PATCH', path, body, contentType: mergePatchType}),
		make: async (name: string, data?: Record<string, string>, labels?: Record<string, string>) =>
			(await send({method: 'POST', path: configMaps, body: configMap(name, data, labels)})).body,
	};
};
