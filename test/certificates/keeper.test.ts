import test from 'ava';
import type {ExecutionContext} from 'ava';
import {pino} from 'pino';
import {decodeBundle, decodeCertificates} from '../../src/certificates/certificate-set.ts';
import type {Leaf} from '../../src/certificates/certificate-set.ts';
import {lifetimesOf} from '../../src/certificates/decision.ts';
import {makeCertificates} from '../../src/certificates/make.ts';
import type {CertificatesToMake, MadeCertificates} from '../../src/certificates/make-in-child-process.ts';
import {CertificateKeeper} from '../../src/certificates/keeper.ts';
import type {CertificateKeeperOptions} from '../../src/certificates/keeper.ts';
import type {Clock} from '../../src/clock.ts';
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

	/** Making certificates takes real time, while the clock stands still. */
	const making = new Set<Promise<unknown>>();
	const make = async (wanted: CertificatesToMake): Promise<MadeCertificates> => {
		const made = makeCertificates(wanted);
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
		const all: Leaf[] = [];
		const made = new CertificateKeeper({
			api, clock, logger, namespace: 'operators', serviceName: 'service', configurationName: 'hooks', lifetimes: lifetimesOf(hourMs), random: Math.random,
			make,
			serve: leaf => all.push(leaf),
			...options,
		});
		return {
			keeper: made,
			/** The certificate that it serves now. */
			served: () => all.at(-1),
			/** All certificates that it has served. */
			all,
			start: async () => {
				const starting = made.start(lifetime.signal);
				while (await clock.isPending(starting)) {
					await pass(100);
				}

				return starting;
			},
			run: () => void made.run(lifetime.signal),
		};
	};

	const configure = (clientConfig: Configuration['webhooks'][number]['clientConfig'] = {service: {name: 'service', namespace: 'operators'}}, annotations: Readonly<Record<string, string>> = {}) => {
		cluster.put('MutatingWebhookConfiguration', {metadata: {name: 'hooks', annotations}, webhooks: [{name: 'mutate-pods.hostport.io', timeoutSeconds: 10, clientConfig}]});
	};

	const bundle = () => decodeBundle(Buffer.from((cluster.find('MutatingWebhookConfiguration', {name: 'hooks'}) as unknown as Configuration).webhooks[0]?.clientConfig.caBundle ?? '', 'base64').toString());
	const held = () => decodeCertificates(cluster.find('Secret', {name: secretName})?.['data'] as Secret['data']);
	return {
		clock, cluster, api, log, keeper, configure, bundle, held, make, pass,
		deleteSecret: () => cluster.remove('Secret', {name: secretName}),
		/** Edits the Secret as a person would. */
		editSecret: (data: Secret['data']) => cluster.patch('Secret', {name: secretName}, {data}),
	};
};

/** Whether an API server with this caBundle accepts the certificate. */
const isTrusted = (leaf: Leaf, bundle: ReturnType<typeof decodeBundle>, nowMs: number): boolean =>
	leaf.notBefore <= nowMs && nowMs < leaf.notAfter
	&& bundle.some(({certificate, notBefore, notAfter}) => notBefore <= nowMs && nowMs < notAfter && leaf.certificate.checkIssued(certificate));

test('three replicas that start at once share one authority and one certificate', async t => {
	const {keeper, configure, bundle, held, clock} = setUp(t);
	configure();
	const replicas = [keeper(), keeper(), keeper()];
	await Promise.all(replicas.map(async ({start}) => start()));
	t.is(new Set(replicas.map(({served}) => served()?.keyPair.certificate)).size, 1);
	t.is(bundle().length, 1);
	t.is(held().authorities.length, 1);
	t.true(isTrusted(replicas[0]!.served()!, bundle(), clock.date().getTime()));
	t.is(replicas[0]!.served()?.certificate.checkHost('service.operators.svc'), 'service.operators.svc');
});

test('the Secret is one for TLS, and its labels say whose it is', async t => {
	const {keeper, configure, cluster} = setUp(t);
	configure();
	await keeper().start();
	const {type, metadata: {labels}} = cluster.find('Secret', {name: secretName})!;
	t.is(type, 'kubernetes.io/tls');
	t.deepEqual(labels, {'app.kubernetes.io/name': 'hostport-operator', 'app.kubernetes.io/managed-by': 'hostport-operator'});
});

test('a configuration that is created later gets the caBundle, and the certificate its host', async t => {
	const {keeper, configure, bundle, clock, log, pass} = setUp(t);
	const {start, run, served} = keeper();
	await start();
	run();
	configure({url: 'https://[::1]:8443/mutate-pods'});
	await pass(5000);
	await pass(5000);
	t.is(served()?.certificate.checkIP('::1'), '::1');
	t.true(isTrusted(served()!, bundle(), clock.date().getTime()));
	t.true(log.some(line => line === 'the caBundle of the MutatingWebhookConfiguration hooks is empty: replaced by the authority of the Secret hostport-operator-webhook-certificate'));
});

test('a second installation does not start, names both namespaces and leaves the caBundle alone', async t => {
	const {keeper, configure, bundle, clock, log, pass} = setUp(t);
	configure();
	await keeper().start();
	const [authority] = bundle();
	configure({service: {name: 'service', namespace: 'second'}, caBundle: Buffer.from(authority!.pem).toString('base64')}, {'hostport.io/installed-in': 'operators'});
	const second = keeper({namespace: 'second'});
	const starting = second.keeper.start(AbortSignal.timeout(60_000));
	void starting.catch(() => {});
	for (let count = 0; count < 20; count++) {
		await pass(1000);
	}

	t.true(await clock.isPending(starting));
	t.true(log.some(line => line.startsWith('the operator is already installed in the namespace operators, and this is a second installation in the namespace second')));
	t.deepEqual(bundle().map(({pem}) => pem), [authority!.pem]);
});

test('an operator whose webhook configuration calls another namespace says so and leaves the caBundle alone', async t => {
	const {keeper, configure, bundle, log, pass} = setUp(t);
	configure();
	const {start, run} = keeper();
	await start();
	run();
	configure({service: {name: 'service', namespace: 'second'}}, {'hostport.io/installed-in': 'operators'});
	await pass(5000);
	await pass(5000);
	t.true(log.some(line => line.startsWith('the MutatingWebhookConfiguration hooks calls the Service in the namespace second, and this operator runs in the namespace operators')));
	t.deepEqual(bundle(), []);
});

test('an API server that lags behind trusts every certificate through several authorities', async t => {
	const {keeper, configure, bundle, clock, pass} = setUp(t);
	configure();
	const replicas = [keeper(), keeper(), keeper()];
	await Promise.all(replicas.map(async ({start}) => start()));
	for (const {run} of replicas) {
		run();
	}

	/** The API server's copy of the caBundle is this old. It must be less than the 5 minutes before a new authority signs. */
	const lagMs = 4 * 60_000;
	const known = [{at: clock.now(), bundle: bundle()}];
	const issuers = new Set<string>();
	const serials = new Set<string>();
	let mostTrusted = 0;
	for (let minute = 0; minute < 8 * 60; minute++) {
		await pass(60_000);
		known.push({at: clock.now(), bundle: bundle()});
		const lagging = known.findLast(({at}) => at <= clock.now() - lagMs) ?? known[0]!;
		for (const {served} of replicas) {
			t.true(isTrusted(served()!, lagging.bundle, clock.date().getTime()), `lagging, minute ${minute}`);
			t.true(isTrusted(served()!, bundle(), clock.date().getTime()), `minute ${minute}`);
			issuers.add(served()!.issuer.pem);
			serials.add(served()!.certificate.serialNumber);
		}

		mostTrusted = Math.max(mostTrusted, bundle().length);
	}

	t.log(`${serials.size} certificates of ${issuers.size} authorities`);
	t.is(issuers.size, 4);
	t.true(serials.size >= 11);
	t.is(mostTrusted, 2, 'Authorities that are no longer needed are removed.');
});

test('a deleted or invalid Secret and an emptied caBundle are repaired without losing trust', async t => {
	const {keeper, configure, bundle, held, deleteSecret, editSecret, clock, log, pass} = setUp(t);
	configure();
	const replicas = [keeper(), keeper()];
	await Promise.all(replicas.map(async ({start}) => start()));
	for (const {run} of replicas) {
		run();
	}

	const damages: ReadonlyArray<readonly [damage: () => void, logged: RegExp]> = [
		[() => deleteSecret(), /^made a new authority in the Secret .+: there is no such Secret$/],
		[() => editSecret({'ca.crt': 'AAAA'}), /^made a new authority in the Secret .+: its ca\.crt contains no CA certificate$/],
		[() => editSecret({'tls.crt': 'AAAA'}), /^made a new certificate in the Secret .+: its tls\.crt contains no certificate$/],
		[() => configure(), /^the caBundle .+ is empty: replaced by the .*authorit/],
	];
	for (const [damage, logged] of damages) {
		const before = log.length;
		damage();
		for (let minute = 0; minute < 15; minute++) {
			await pass(60_000);
			for (const {served} of replicas) {
				t.true(isTrusted(served()!, bundle(), clock.date().getTime()));
			}
		}

		t.true(log.slice(before).some(line => logged.test(line)), String(logged));
		t.is(typeof held().leaf, 'object');
	}
});

test('a new replica that finds no Secret keeps the authorities of the others trusted', async t => {
	const {keeper, configure, bundle, deleteSecret, clock} = setUp(t);
	configure();
	const old = keeper();
	await old.start();
	deleteSecret();
	await keeper().start();
	t.is(bundle().length, 2);
	t.true(isTrusted(old.served()!, bundle(), clock.date().getTime()));
});

test('a missing right is logged, and the keeper continues once it is granted', async t => {
	const {keeper, configure, api, pass, log} = setUp(t);
	configure();
	api.before = request => {
		if (request === `POST ${secretName}`) {
			throw new ApiError('POST', '/api/v1/namespaces/operators/secrets', 403, 'secrets is forbidden: User "x" cannot create resource "secrets" in API group "" in the namespace "operators"');
		}
	};

	const {start, served} = keeper();
	const starting = start();
	await pass(1000);
	t.is(served(), undefined);
	t.true(log.some(line => line.includes('cannot create resource "secrets" in API group "" in the namespace "operators". Grant this right to the operator\'s ServiceAccount')));
	api.before = () => {};
	await starting;
	t.not(served(), undefined);
});

test('an aborted start rejects with the signal\'s reason', async t => {
	const {keeper, api} = setUp(t);
	api.before = request => {
		throw new Error(`${request}: down`);
	};

	const stop = new AbortController();
	const starting = keeper().keeper.start(stop.signal);
	stop.abort(new Error('stopped'));
	await t.throwsAsync(starting, {message: 'stopped'});
});

test('a run that is aborted while the API server fails resolves, and logs no more', async t => {
	const {keeper, api, clock, log} = setUp(t);
	api.before = request => {
		throw new Error(`${request}: down`);
	};

	const stop = new AbortController();
	const running = keeper({random: () => 0}).keeper.run(stop.signal);
	await clock.advance(500 + 1000 + 2000 - 1);
	const failures = log.filter(line => line.endsWith('trying again'));
	t.is(failures.length, 3, 'The back-off doubles from 0.5 s.');
	stop.abort(new Error('stopped'));
	await t.notThrowsAsync(running);
	t.is(log.filter(line => line.endsWith('trying again')).length, 3);
});

test('a certificate that can\'t be made is logged and tried again', async t => {
	const {keeper, log, make} = setUp(t);
	let tries = 0;
	const {start, served} = keeper({
		async make(wanted) {
			tries++;
			if (tries === 1) {
				throw new Error('no memory');
			}

			return make(wanted);
		},
	});
	await start();
	t.not(served(), undefined);
	t.true(log.includes('the webhook\'s certificate can\'t be kept valid: trying again'));
});

const dayMs = 24 * hourMs;

/**
 * Two replicas with the default lifetimes, and a third one whose wall clock is `skewMs` ahead. `knowsOfIt`: whether it learns
 * that from the API server's answers.
 */
const setUpWrongClock = async (t: ExecutionContext, skewMs: number, {knowsOfIt}: {readonly knowsOfIt: boolean}) => {
	const base = setUp(t);
	const {clock, cluster, configure, keeper, bundle, pass} = base;
	configure();
	const metrics = createMetrics();
	const lifetimes = lifetimesOf(90 * dayMs);
	const healthy = [keeper({lifetimes}), keeper({lifetimes})];
	await Promise.all(healthy.map(async ({start}) => start()));
	const api = new ApiInMemory(cluster.server);
	api.clockSkewMs = knowsOfIt ? skewMs : 0;
	const wrongClock: Clock = {now: clock.now, sleep: clock.sleep, deadline: clock.deadline, date: () => new Date(clock.date().getTime() + skewMs)};
	const wrong = keeper({lifetimes, metrics, api, clock: wrongClock});
	for (const {run} of [...healthy, wrong]) {
		run();
	}

	const minutes = async (count: number) => {
		for (let minute = 0; minute < count; minute++) {
			await pass(60_000);
		}
	};

	const isValidNow = ({notBefore, notAfter}: {readonly notBefore: number; readonly notAfter: number}) => notBefore <= clock.date().getTime() && clock.date().getTime() < notAfter;
	const allTrusted = () => [...healthy, wrong].every(({served}) => isTrusted(served()!, bundle(), clock.date().getTime()));
	return {...base, api, metrics, healthy, wrong, minutes, isValidNow, allTrusted};
};

for (const days of [65, 200, 400, -65]) {
	test(`a replica whose clock is wrong by ${days} days serves what the others make, changes nothing and says so`, async t => {
		const {api, metrics, held, healthy, minutes, allTrusted, log} = await setUpWrongClock(t, days * dayMs, {knowsOfIt: true});
		const before = JSON.stringify(held());
		await minutes(30);
		t.true(allTrusted());
		t.is(JSON.stringify(held()), before);
		t.deepEqual(healthy.map(({all}) => all.length), [1, 1]);
		t.is((await metrics.clockSkew.get()).values[0]?.value, days * 24 * 3600);
		t.is(log.filter(line => line.startsWith(`this replica's clock is ${Math.abs(days) * 24 * 3600} s ${days > 0 ? 'ahead of' : 'behind'} an API server's: `)).length, 3, 'At once, and every ten minutes.');
		api.clockSkewMs = 0;
		await minutes(1);
		t.is((await metrics.clockSkew.get()).values[0]?.value, 0);
	});
}

for (const days of [65, 200, 400]) {
	test(`healthy replicas never serve what a replica makes ${days} days ahead, and replace it within two minutes`, async t => {
		const {bundle, held, healthy, wrong, minutes, isValidNow, allTrusted, api, log} = await setUpWrongClock(t, days * dayMs, {knowsOfIt: false});
		await minutes(3);
		t.true(wrong.all.some(leaf => !isValidNow(leaf)), 'The wrong clock has done its harm.');
		// From here on, it is known.
		api.clockSkewMs = days * dayMs;
		await minutes(2);
		t.true(log.some(line => line.endsWith('not valid yet')));
		const {signer, leaf, authorities} = held();
		t.true(typeof signer === 'object' && isValidNow(signer));
		t.true(typeof leaf === 'object' && isValidNow(leaf) && isValidNow(leaf.issuer));
		t.true([...authorities, ...bundle()].every(authority => isValidNow(authority)));
		t.true(healthy.every(({all}) => all.every(leaf => isValidNow(leaf))));
		t.true(allTrusted());
	});
}

test('an emptied caBundle is filled from the Secret by a replica with a wrong clock', async t => {
	const {api, keeper, configure, bundle, pass} = setUp(t);
	configure();
	const {start, run} = keeper();
	await start();
	api.clockSkewMs = 400 * dayMs;
	run();
	await pass(5000);
	configure();
	await pass(5000);
	t.is(bundle().length, 1);
});

test('a replica with a wrong clock that finds no certificate says why it can\'t start, and starts once another replica has made one', async t => {
	const {cluster, keeper, log, pass, clock} = setUp(t);
	const wrongApi = new ApiInMemory(cluster.server);
	wrongApi.clockSkewMs = -400 * dayMs;
	const errors: string[] = [];
	const logger = pino({level: 'error'}, {write: (line: string) => errors.push((JSON.parse(line) as {err?: {message: string}}).err?.message ?? '')});
	const wrong = keeper({api: wrongApi, logger});
	const starting = wrong.keeper.start(new AbortController().signal);
	await pass(5000);
	t.true(await clock.isPending(starting));
	t.true(errors.includes('this replica\'s clock is 34560000 s behind an API server\'s, so this replica makes no certificate, and other replicas have not made one yet'));
	await keeper().start();
	await clock.until(starting);
	t.not(wrong.served(), undefined);
	t.false(log.some(line => line.includes('an API server\'s')));
});
