import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setImmediate as turn} from 'node:timers/promises';
import test from 'ava';
import {pino} from 'pino';
import type {ApiClient} from '../../src/kubernetes/api-client.ts';
import {readConfig} from '../../src/config/read-config.ts';
import {ConfigurationError} from '../../src/errors.ts';
import {createMetrics} from '../../src/metrics.ts';
import type {TlsOptions} from '../../src/server/listener.ts';
import {createTlsSource} from '../../src/certificates/tls-source.ts';
import {newSet} from '../helpers/certificates.ts';
import {FakeClock} from '../helpers/fake-clock.ts';

const [one, other] = await Promise.all([newSet(), newSet()]);

/** With files, the API server is not asked for anything. */
const api = {} as ApiClient;

test('certificate and client CA are read from files, and change independently', async t => {
	const folder = await mkdtemp(path.join(tmpdir(), 'hostport-tls-'));
	t.teardown(async () => rm(folder, {recursive: true}));
	const write = async (name: string, text: string) => writeFile(path.join(folder, name), text);
	await Promise.all([write('tls.crt', one.leaf.keyPair.certificate), write('tls.key', one.leaf.keyPair.key), write('clients.crt', one.signer.pem)]);
	const config = readConfig(['--tls-cert-file', `${folder}/tls.crt`, '--tls-private-key-file', `${folder}/tls.key`, '--client-ca-file', `${folder}/clients.crt`], {});
	const clock = new FakeClock();
	const metrics = createMetrics();
	const source = createTlsSource(config, {api, clock, logger: pino({enabled: false}), metrics});
	const stop = new AbortController();
	const first = {...one.leaf.keyPair, clientCa: one.signer.pem};
	t.deepEqual(await source.start(stop.signal), first);
	t.is((await metrics.certificateExpiry.get()).values[0]?.value, one.leaf.notAfter / 1000);

	const changes: TlsOptions[] = [];
	const running = source.run(tls => changes.push(tls), stop.signal);
	const untilChanged = async (count: number) => {
		await clock.advance(10_000);
		for (let turns = 0; turns < 10_000 && changes.length < count; turns++) {
			await turn();
		}
	};

	await write('clients.crt', other.signer.pem);
	await untilChanged(1);
	await Promise.all([write('tls.crt', other.leaf.keyPair.certificate), write('tls.key', other.leaf.keyPair.key)]);
	await untilChanged(2);
	t.deepEqual(changes, [{...first, clientCa: other.signer.pem}, {...other.leaf.keyPair, clientCa: other.signer.pem}]);
	t.is((await metrics.certificateExpiry.get()).values[0]?.value, other.leaf.notAfter / 1000);
	stop.abort();
	await clock.settle();
	await running;
});

test('a missing file is a configuration error', async t => {
	const config = readConfig(['--tls-cert-file', '/nowhere/tls.crt', '--tls-private-key-file', '/nowhere/tls.key'], {});
	const source = createTlsSource(config, {api, clock: new FakeClock(), logger: pino({enabled: false}), metrics: createMetrics()});
	const error = await t.throwsAsync(source.start(new AbortController().signal), {instanceOf: ConfigurationError});
	t.regex(error.message, /^the file "\/nowhere\/tls\.(?:crt|key)" can't be read: ENOENT/);
});
