import test from 'ava';
import type {ExecutionContext} from 'ava';
import {pino} from 'pino';
import {decodeBundle, decodeCertificates} from '../../src/certificates/certificate-set.ts';
import type {Leaf} from '../../src/certificates/certificate-set.ts';
import {lifetimesOf} from '../../src/certificates/decision.ts';
import {makeCertificates} from '../../src/certificates/make.ts';
import type {Made, Order} from '../../src/certificates/order.ts';
import {CertificateKeeper} from '../../src/certificates/keeper.ts';
import type {CertificateKeeperOptions} from '../../src/certificates/keeper.ts';
import {ApiError} from '../../src/errors.ts';
import {createMetrics} from '../../src/metrics.ts';
import {ApiInMemory} from '../helpers/api-in-memory.ts';
import {ClusterInMemory} from '../helpers/cluster-in-memory.ts';
import {FakeClock} from '../helpers/fake-clock.ts';

const secretName = 'hostport-operator-webhook-certificate';
const hourMs = 3_600_000;

type Secret = {readonly data?: Readonly<Record<string, string>>};
type Configuration = {readonly webhooks: ReadonlyArray<{readonly clientConfig: {readonly url?: string; readonly service?: object; readonly caBundle?: string}}>};

const setUp = (t: ExecutionContext) => {
	const clock = new FakeClock();
	const cluster = new ClusterInMemory(clock);
	const api = new ApiInMemory(cluster.server);
	const log: string[] = [];
	const logger = pino({level: 'debug'}, {write: (line: string) => log.push((JSON.parse(line) as {msg: string}).msg)});
	const lifetime = new AbortController();
	t.teardown(() => lifetime.abort());

	/** Certificates take real time, in which the clock stands still. */
	const making = new Set<Promise<unknown>>();
	const make = async (order: Order): Promise<Made> => {
		const made = makeCertificates(order);
		making.add(made);
		return made.finally(() => making.delete(made));
	};

	const pass = async (ms: number): Promise<void> => {
		await clock.advance(ms);
		while (making.size > 0) {
			await Promise.all(making);
			await clock.settle();
		}
	};

	const keeper = (options: Partial<CertificateKeeperOptions> = {}) => {
		const shown: Leaf[] = [];
		const made = new CertificateKeeper({
			api, clock, logger, namespace: 'operators', serviceName: 'service', configurationName: 'hooks', lifetimes: lifetimesOf(hourMs), random: Math.random,
			make,
			serve: leaf => shown.push(leaf),
			metrics: createMetrics(),
			...options,
		});
		return {
			keeper: made,
			/** What it serves with. */
			shown: () => shown.at(-1),
			/** What it has served with. */
			all: shown,
			open: async () => {
				const opening = made.open(lifetime.signal);
				while (await clock.isPending(opening)) {
					await pass(100);
				}

				return opening;
			},
			run: () => void made.run(lifetime.signal),
		};
	};

	const configure = (clientConfig: Configuration['webhooks'][number]['clientConfig'] = {service: {name: 'service', namespace: 'operators'}}) => {
		cluster.put('MutatingWebhookConfiguration', {metadata: {name: 'hooks'}, webhooks: [{name: 'mutate-pods.hostport.io', timeoutSeconds: 10, clientConfig}]});
	};

	const bundle = () => decodeBundle(Buffer.from((cluster.find('MutatingWebhookConfiguration', {name: 'hooks'}) as unknown as Configuration).webhooks[0]?.clientConfig.caBundle ?? '', 'base64').toString());
	const held = () => decodeCertificates(cluster.find('Secret', {name: secretName})?.['data'] as Secret['data']);
	return {
		clock, api, log, keeper, configure, bundle, held, make, pass,
		deleteSecret: () => cluster.remove('Secret', {name: secretName}),
		/** What somebody puts into the Secret. */
		editSecret: (data: Secret['data']) => cluster.patch('Secret', {name: secretName}, {data}),
	};
};

/** Whether an API server that knows this bundle takes what it is shown. */
const isTrusted = (leaf: Leaf, bundle: ReturnType<typeof decodeBundle>, nowMs: number): boolean =>
	nowMs < leaf.notAfter && bundle.some(({certificate}) => leaf.certificate.checkIssued(certificate));

test('three replicas that start at once end up with one authority and one certificate, which the API server trusts', async t => {
	const {keeper, configure, bundle, held, clock} = setUp(t);
	configure();
	const replicas = [keeper(), keeper(), keeper()];
	await Promise.all(replicas.map(async ({open}) => open()));
	t.is(new Set(replicas.map(({shown}) => shown()?.pair.certificate)).size, 1);
	t.is(bundle().length, 1);
	t.is(held().authorities.length, 1);
	t.true(isTrusted(replicas[0]!.shown()!, bundle(), clock.date().getTime()));
	t.is(replicas[0]!.shown()?.certificate.checkHost('service.operators.svc'), 'service.operators.svc');
});

test('where there is no configuration yet, there is a certificate; when one comes, it gets the caBundle, and the certificate its name', async t => {
	const {keeper, configure, bundle, clock, log, pass} = setUp(t);
	const {open, run, shown} = keeper();
	await open();
	run();
	configure({url: 'https://[::1]:8443/mutate-pods'});
	await pass(5000);
	await pass(5000);
	t.is(shown()?.certificate.checkIP('::1'), '::1');
	t.true(isTrusted(shown()!, bundle(), clock.date().getTime()));
	t.true(log.some(line => line === 'the caBundle of the MutatingWebhookConfiguration hooks is empty: written anew, with the authority of the Secret hostport-operator-webhook-certificate'));
});

test('through the lives of several authorities, no replica shows what an API server that lags behind does not trust', async t => {
	const {keeper, configure, bundle, clock, pass} = setUp(t);
	configure();
	const replicas = [keeper(), keeper(), keeper()];
	await Promise.all(replicas.map(async ({open}) => open()));
	for (const {run} of replicas) {
		run();
	}

	/** What the API server knew a while ago: it may be as late as the time that a new authority waits. */
	const lagMs = 4 * 60_000;
	const known = [{at: clock.now(), bundle: bundle()}];
	const issuers = new Set<string>();
	const serials = new Set<string>();
	let mostTrusted = 0;
	for (let minute = 0; minute < 8 * 60; minute++) {
		await pass(60_000);
		known.push({at: clock.now(), bundle: bundle()});
		const late = known.findLast(({at}) => at <= clock.now() - lagMs) ?? known[0]!;
		for (const {shown} of replicas) {
			t.true(isTrusted(shown()!, late.bundle, clock.date().getTime()), `late, minute ${minute}`);
			t.true(isTrusted(shown()!, bundle(), clock.date().getTime()), `minute ${minute}`);
			issuers.add(shown()!.issuer.pem);
			serials.add(shown()!.certificate.serialNumber);
		}

		mostTrusted = Math.max(mostTrusted, bundle().length);
	}

	t.log(`${serials.size} certificates of ${issuers.size} authorities`);
	t.is(issuers.size, 4);
	t.true(serials.size >= 11);
	t.is(mostTrusted, 2, 'Authorities that are no longer needed go.');
});

test('whoever deletes the Secret, fills it with rubbish or empties the caBundle is told of it, and nothing that is served loses trust', async t => {
	const {keeper, configure, bundle, held, deleteSecret, editSecret, clock, log, pass} = setUp(t);
	configure();
	const replicas = [keeper(), keeper()];
	await Promise.all(replicas.map(async ({open}) => open()));
	for (const {run} of replicas) {
		run();
	}

	const disturb: ReadonlyArray<readonly [what: () => void, said: RegExp]> = [
		[() => deleteSecret(), /^made a new authority in the Secret .+: there is no such Secret$/],
		[() => editSecret({'ca.crt': 'AAAA'}), /^made a new authority in the Secret .+: its ca\.crt holds no certificate of an authority$/],
		[() => editSecret({'tls.crt': 'AAAA'}), /^made a new certificate in the Secret .+: its tls\.crt holds no certificate$/],
		[() => configure(), /^the caBundle .+ is empty: written anew, with the .*authorit/],
	];
	for (const [what, said] of disturb) {
		const before = log.length;
		what();
		for (let minute = 0; minute < 15; minute++) {
			await pass(60_000);
			for (const {shown} of replicas) {
				t.true(isTrusted(shown()!, bundle(), clock.date().getTime()));
			}
		}

		t.true(log.slice(before).some(line => said.test(line)), String(said));
		t.is(typeof held().leaf, 'object');
	}
});

test('a new replica that finds no Secret does not take trust away from what the others serve', async t => {
	const {keeper, configure, bundle, deleteSecret, clock} = setUp(t);
	configure();
	const old = keeper();
	await old.open();
	deleteSecret();
	await keeper().open();
	t.is(bundle().length, 2);
	t.true(isTrusted(old.shown()!, bundle(), clock.date().getTime()));
});

test('a right that is missing is named, and it goes on once it is there', async t => {
	const {keeper, configure, api, pass, log} = setUp(t);
	configure();
	api.before = request => {
		if (request === `POST ${secretName}`) {
			throw new ApiError('POST', '/api/v1/namespaces/operators/secrets', 403, 'secrets is forbidden: User "x" cannot create resource "secrets" in API group "" in the namespace "operators"');
		}
	};

	const {open, shown} = keeper();
	const opening = open();
	await pass(1000);
	t.is(shown(), undefined);
	t.true(log.some(line => line.includes('cannot create resource "secrets" in API group "" in the namespace "operators". Give the operator\'s ServiceAccount this right')));
	api.before = () => {};
	await opening;
	t.not(shown(), undefined);
});

test('a start that is told to stop stops', async t => {
	const {keeper, api} = setUp(t);
	api.before = request => {
		throw new Error(`${request}: down`);
	};

	const stop = new AbortController();
	const opening = keeper().keeper.open(stop.signal);
	stop.abort(new Error('told to stop'));
	await t.throwsAsync(opening, {message: 'told to stop'});
});

test('a certificate that can not be made is said to be, and tried again', async t => {
	const {keeper, log, make} = setUp(t);
	let tries = 0;
	const {open, shown} = keeper({
		async make(order) {
			tries++;
			if (tries === 1) {
				throw new Error('no memory');
			}

			return make(order);
		},
	});
	await open();
	t.not(shown(), undefined);
	t.true(log.includes('the webhook\'s certificate can\'t be looked after: trying again'));
});
