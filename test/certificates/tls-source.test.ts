import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setImmediate as turn} from 'node:timers/promises';
import test from 'ava';
import {pino} from 'pino';
import type {ApiClient} from '../../src/kubernetes/api-client.ts';
import {readConfig} from '../../src/config/options.ts';
import {ConfigurationError} from '../../src/errors.ts';
import {createMetrics} from '../../src/metrics.ts';
import type {TlsMaterial} from '../../src/server/listener.ts';
import {createTlsSource} from '../../src/certificates/tls-source.ts';
import {newSet} from '../helpers/certificates.ts';
import {FakeClock} from '../helpers/fake-clock.ts';

const [one, other] = await Promise.all([newSet(), newSet()]);

/** With files, nobody asks the API server for anything. */
const api = {} as ApiClient;

test('certificate and client authority come from files, and change one by one', async t => {
	const folder = await mkdtemp(path.join(tmpdir(), 'hostport-tls-'));
	t.teardown(async () => rm(folder, {recursive: true}));
	const write = async (name: string, text: string) => writeFile(path.join(folder, name), text);
	await Promise.all([write('tls.crt', one.leaf.pair.certificate), write('tls.key', one.leaf.pair.key), write('clients.crt', one.signer.pem)]);
	const config = readConfig(['--tls-cert-file', `${folder}/tls.crt`, '--tls-private-key-file', `${folder}/tls.key`, '--client-ca-file', `${folder}/clients.crt`], {});
	const clock = new FakeClock();
	const metrics = createMetrics();
	const source = createTlsSource(config, {api, clock, logger: pino({enabled: false}), metrics});
	const stop = new AbortController();
	const first = {cert: one.leaf.pair.certificate, key: one.leaf.pair.key, ca: one.signer.pem};
	t.deepEqual(await source.open(stop.signal), first);
	t.is((await metrics.certificateExpiry.get()).values[0]?.value, one.leaf.notAfter / 1000);

	const told: TlsMaterial[] = [];
	const running = source.run(tls => told.push(tls), stop.signal);
	const untilTold = async (count: number) => {
		await clock.advance(10_000);
		for (let turns = 0; turns < 10_000 && told.length < count; turns++) {
			await turn();
		}
	};

	await write('clients.crt', other.signer.pem);
	await untilTold(1);
	await Promise.all([write('tls.crt', other.leaf.pair.certificate), write('tls.key', other.leaf.pair.key)]);
	await untilTold(2);
	t.deepEqual(told, [{...first, ca: other.signer.pem}, {cert: other.leaf.pair.certificate, key: other.leaf.pair.key, ca: other.signer.pem}]);
	t.is((await metrics.certificateExpiry.get()).values[0]?.value, other.leaf.notAfter / 1000);
	stop.abort();
	await clock.settle();
	await running;
});

test('files that can\'t be used end the program', async t => {
	const config = readConfig(['--tls-cert-file', '/nowhere/tls.crt', '--tls-private-key-file', '/nowhere/tls.key'], {});
	const source = createTlsSource(config, {api, clock: new FakeClock(), logger: pino({enabled: false}), metrics: createMetrics()});
	const error = await t.throwsAsync(source.open(new AbortController().signal), {instanceOf: ConfigurationError});
	t.regex(error.message, /^the file "\/nowhere\/tls\.crt" can't be read: ENOENT/);
});
