import {mkdir, readdir, utimes, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {cachedPath, moveIntoCache, withCacheLock, withScratchFolder} from '../../harness/control-plane/cache.ts';
import {temporaryFolder, writeExecutable} from '../helpers/temporary-folder.ts';

test('one process at a time has the lock, and a waiting one is told once', async t => {
	const cache = await temporaryFolder(t);
	const events: string[] = [];
	const work = (name: string) => async () => {
		events.push(`${name} begins`);
		await readdir(cache);
		events.push(`${name} ends`);
	};

	const secondWaits = Promise.withResolvers<void>();
	const second = await withCacheLock(cache, async () => {
		const waiting = withCacheLock(cache, work('second'), {onWait: () => {
			events.push('second waits');
			secondWaits.resolve();
		}});
		await secondWaits.promise;
		await work('first')();
		return {waiting};
	});
	await second.waiting;

	t.deepEqual(events, ['second waits', 'first begins', 'first ends', 'second begins', 'second ends']);
});

test('a lock that its holder has not touched for long can be taken', async t => {
	const cache = await temporaryFolder(t);
	const lock = path.join(cache, 'lock');
	await writeFile(lock, '');
	const longAgo = new Date(Date.now() - 60_000);
	await utimes(lock, longAgo, longAgo);
	t.is(await withCacheLock(cache, async () => 'done'), 'done');
	t.deepEqual(await readdir(cache), []);
});

test('an abort ends the wait for the lock', async t => {
	const cache = await temporaryFolder(t);
	await writeFile(path.join(cache, 'lock'), '');
	const controller = new AbortController();
	const waiting = withCacheLock(cache, async () => 'done', {signal: controller.signal, onWait: () => controller.abort(new Error('no longer wanted'))});
	await t.throwsAsync(waiting, {message: 'no longer wanted'});
});

test('a failure leaves neither the lock nor the scratch folder', async t => {
	const cache = await temporaryFolder(t);
	const fail = async () => withCacheLock(cache, async () => withScratchFolder(cache, async folder => {
		await mkdir(path.join(folder, 'half'));
		throw new Error('disk full');
	}));
	await t.throwsAsync(fail, {message: 'disk full'});
	t.deepEqual(await readdir(cache), []);
});

test('a file that is not executable does not get into the cache', async t => {
	const cache = await temporaryFolder(t);
	const file = path.join(cache, 'file');
	await writeFile(file, 'text');
	await t.throwsAsync(moveIntoCache(file, cache, 'etcd'), {code: 'EACCES'});
	await writeExecutable(file);
	await moveIntoCache(file, cache, 'etcd');
	t.deepEqual(await readdir(path.dirname(cachedPath(cache, 'etcd'))), ['etcd']);
});
