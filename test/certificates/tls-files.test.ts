import {mkdtemp, rename, rm, symlink, unlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setImmediate as turn} from 'node:timers/promises';
import test from 'ava';
import type {ExecutionContext} from 'ava';
import {pino} from 'pino';
import {clientCaFile, servingFiles} from '../../src/certificates/tls-files.ts';
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
	const write = async ({leaf: {keyPair}}: typeof one) => {
		await Promise.all([writeFile(cert, keyPair.certificate), writeFile(key, keyPair.key)]);
	};

	const stop = new AbortController();
	t.teardown(() => stop.abort());
	/** Advances the clock to the next check, and waits until that has read the files, which takes real time. */
	const look = async () => {
		await clock.advance(10_000);
		while (clock.waits === 0) {
			await turn();
		}
	};

	return {folder, cert, key, log, write, look, signal: stop.signal, options: {clock, logger}};
};

test('changed files are used, in whatever order they are written', async t => {
	const {cert, key, write, look, log, signal, options} = await setUp(t);
	await write(one);
	const files = servingFiles(cert, key, options);
	t.is((await files.read()).keyPair.certificate, one.leaf.keyPair.certificate);
	const changes: string[] = [];
	void files.watch(({keyPair}) => changes.push(keyPair.certificate), signal);
	await look();
	t.deepEqual(changes, []);
	await writeFile(cert, other.leaf.keyPair.certificate);
	await look();
	t.deepEqual(changes, []);
	t.is(log.at(-1), `the previous TLS files stay in use: the private key "${key}" does not belong to the certificate "${cert}"`);
	await writeFile(key, other.leaf.keyPair.key);
	await look();
	t.deepEqual(changes, [other.leaf.keyPair.certificate]);
	t.is(log.at(-1), 'TLS files have changed: using the new content');
});

test('an invalid file changes nothing and is logged once; a valid one then counts', async t => {
	const {cert, key, write, look, log, signal, options} = await setUp(t);
	await write(one);
	const files = servingFiles(cert, key, options);
	await files.read();
	const changes: number[] = [];
	void files.watch(({notAfter}) => changes.push(notAfter), signal);
	await writeFile(cert, 'not PEM');
	await look();
	await look();
	t.deepEqual(changes, []);
	t.is(log.filter(line => line.startsWith(`the previous TLS files stay in use: the certificate "${cert}" is invalid: `)).length, 1);
	await unlink(cert);
	await look();
	t.regex(log.at(-1)!, /stay in use: the file ".+" can't be read: ENOENT/);
	await write(other);
	await look();
	t.deepEqual(changes, [other.leaf.notAfter]);
});

test('content that the listener rejects is logged', async t => {
	const {cert, key, write, look, log, signal, options} = await setUp(t);
	await write(one);
	const files = servingFiles(cert, key, options);
	await files.read();
	void files.watch(() => {
		throw new Error('key too small');
	}, signal);
	await write(other);
	await look();
	t.is(log.at(-1), 'the previous TLS files stay in use: key too small');
});

test('a change of the symbolic links in a mounted Secret is seen', async t => {
	const {folder, look, signal, options} = await setUp(t);
	const {cert, key} = {cert: path.join(folder, 'live.crt'), key: path.join(folder, 'live.key')};
	for (const [name, {leaf}] of [['a', one], ['b', other]] as const) {
		await writeFile(path.join(folder, `${name}.crt`), leaf.keyPair.certificate);
		await writeFile(path.join(folder, `${name}.key`), leaf.keyPair.key);
	}

	await symlink('a.crt', cert);
	await symlink('a.key', key);
	const files = servingFiles(cert, key, options);
	await files.read();
	const changes: string[] = [];
	void files.watch(({keyPair}) => changes.push(keyPair.key), signal);
	for (const [from, to] of [['b.crt', cert], ['b.key', key]] as const) {
		await symlink(from, path.join(folder, 'new'));
		await rename(path.join(folder, 'new'), to);
	}

	await look();
	t.deepEqual(changes, [other.leaf.keyPair.key]);
});

test('a client CA file is a bundle of CA certificates', async t => {
	const {folder, options} = await setUp(t);
	const file = path.join(folder, 'clients.crt');
	await writeFile(file, one.signer.pem + other.signer.pem);
	t.is(await clientCaFile(file, options).read(), one.signer.pem + other.signer.pem);
	await writeFile(file, one.leaf.keyPair.certificate);
	await t.throwsAsync(clientCaFile(file, options).read(), {message: `the client CA file "${file}" contains no CA certificate in PEM`});
	await t.throwsAsync(clientCaFile(path.join(folder, 'none'), options).read(), {message: /^the file ".+none" can't be read: ENOENT/});
});
