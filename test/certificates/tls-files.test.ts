import {mkdtemp, rename, rm, symlink, unlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setImmediate as turn} from 'node:timers/promises';
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {pino} from 'pino';
import {clientAuthorityFile, servingFiles} from '../../src/certificates/tls-files.ts';
import {FakeClock} from '../helpers/fake-clock.ts';
import {newSet} from '../helpers/certificates.ts';

const one = await newSet();
const other = await newSet();

const setUp = async (t: ExecutionContext) => {
	const folder = await mkdtemp(path.join(tmpdir(), 'hostport-tls-'));
	t.teardown(async () => rm(folder, {recursive: true}));
	const log: string[] = [];
	const logger = pino({}, {write: (line: string) => log.push((JSON.parse(line) as {msg: string}).msg)});
	const clock = new FakeClock();
	const [cert, key] = [path.join(folder, 'tls.crt'), path.join(folder, 'tls.key')];
	const write = async ({leaf: {pair}}: typeof one) => {
		await Promise.all([writeFile(cert, pair.certificate), writeFile(key, pair.key)]);
	};

	const stop = new AbortController();
	t.teardown(() => stop.abort());
	/** Lets it look once; reading files takes real time, in which the clock stands still. */
	const look = async () => {
		await clock.advance(10_000);
		while (clock.waits === 0) {
			await turn();
		}
	};

	return {folder, cert, key, log, write, look, signal: stop.signal, options: {sleep: clock.sleep, logger}};
};

test('files that change are used, in whichever order they are written', async t => {
	const {cert, key, write, look, log, signal, options} = await setUp(t);
	await write(one);
	const files = servingFiles(cert, key, options);
	t.is((await files.read()).cert, one.leaf.pair.certificate);
	const told: string[] = [];
	void files.watch(({cert}) => told.push(cert), signal);
	await look();
	t.deepEqual(told, []);
	await writeFile(cert, other.leaf.pair.certificate);
	await look();
	t.deepEqual(told, []);
	t.is(log.at(-1), `what was read before stays in use: the private key "${key}" is not that of the certificate "${cert}"`);
	await writeFile(key, other.leaf.pair.key);
	await look();
	t.deepEqual(told, [other.leaf.pair.certificate]);
	t.is(log.at(-1), 'the files of the webhook\'s certificate have changed: using them');
});

test('what can\'t be used changes nothing, is said once, and what comes after it counts', async t => {
	const {cert, key, write, look, log, signal, options} = await setUp(t);
	await write(one);
	const files = servingFiles(cert, key, options);
	await files.read();
	const told: number[] = [];
	void files.watch(({notAfter}) => told.push(notAfter), signal);
	await writeFile(cert, 'not PEM');
	await look();
	await look();
	t.deepEqual(told, []);
	t.is(log.filter(line => line.startsWith(`what was read before stays in use: the certificate "${cert}" can't be used: `)).length, 1);
	await unlink(cert);
	await look();
	t.regex(log.at(-1)!, /stays in use: the file ".+" can't be read: ENOENT/);
	await write(other);
	await look();
	t.deepEqual(told, [other.leaf.notAfter]);
});

test('what whoever uses it refuses is said, too', async t => {
	const {cert, key, write, look, log, signal, options} = await setUp(t);
	await write(one);
	const files = servingFiles(cert, key, options);
	await files.read();
	void files.watch(() => {
		throw new Error('key too small');
	}, signal);
	await write(other);
	await look();
	t.is(log.at(-1), 'what was read before stays in use: key too small');
});

test('a Secret that the kubelet mounts is followed through its links', async t => {
	const {folder, look, signal, options} = await setUp(t);
	const {cert, key} = {cert: path.join(folder, 'live.crt'), key: path.join(folder, 'live.key')};
	for (const [name, {leaf}] of [['a', one], ['b', other]] as const) {
		await writeFile(path.join(folder, `${name}.crt`), leaf.pair.certificate);
		await writeFile(path.join(folder, `${name}.key`), leaf.pair.key);
	}

	await symlink('a.crt', cert);
	await symlink('a.key', key);
	const files = servingFiles(cert, key, options);
	await files.read();
	const told: string[] = [];
	void files.watch(({key}) => told.push(key), signal);
	for (const [from, to] of [['b.crt', cert], ['b.key', key]] as const) {
		await symlink(from, path.join(folder, 'new'));
		await rename(path.join(folder, 'new'), to);
	}

	await look();
	t.deepEqual(told, [other.leaf.pair.key]);
});

test('a client authority is a bundle of authorities', async t => {
	const {folder, options} = await setUp(t);
	const file = path.join(folder, 'clients.crt');
	await writeFile(file, one.signer.pem + other.signer.pem);
	t.is(await clientAuthorityFile(file, options).read(), one.signer.pem + other.signer.pem);
	await writeFile(file, one.leaf.pair.certificate);
	await t.throwsAsync(clientAuthorityFile(file, options).read(), {message: `the client authority "${file}" holds no certificate of an authority in PEM`});
	await t.throwsAsync(clientAuthorityFile(path.join(folder, 'none'), options).read(), {message: /^the file ".+none" can't be read: ENOENT/});
});
