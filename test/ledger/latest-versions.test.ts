import test from 'ava';
import {LatestVersions} from '../../src/ledger/latest-versions.ts';
import type {LedgerVersion} from '../../src/ports/ledger-origin.ts';

const name = 'hostport-ledger-30500';
const version = (commits: number, resourceVersion: number, uid = 'first'): LedgerVersion => ({uid, resourceVersion: String(resourceVersion), commits});

/** All notes are of one object, which was last seen with five commits. */
const seen = (last = version(5, 20)) => {
	const versions = new LatestVersions();
	versions.note(name, last);
	return versions;
};

test('the first version and later ones are no copies', t => {
	const versions = new LatestVersions();
	t.is(versions.of(name), undefined);
	t.false(versions.note(name, version(5, 20)));
	t.false(versions.note(name, version(6, 21), versions.of(name)));
	t.deepEqual(versions.of(name), version(6, 21));
});

test('a copy that was stored later is noticed, and does not become the latest version', t => {
	const versions = seen();
	t.true(versions.note(name, version(3, 30)));
	t.true(versions.note(name, version(0, 30)), 'The count was removed by hand.');
	t.deepEqual(versions.of(name), version(5, 20));
});

test('an old event is no copy', t => {
	const versions = seen();
	t.false(versions.note(name, version(3, 10)));
	t.deepEqual(versions.of(name), version(5, 20));
});

test('an earlier state from etcd is a copy, unless a commit has overtaken its read', t => {
	const versions = seen();
	const before = versions.of(name);
	t.true(versions.note(name, version(3, 10), before));
	versions.note(name, version(6, 21));
	t.false(versions.note(name, version(5, 20), before));
	t.deepEqual(versions.of(name), version(6, 21));
});

test('versions of different objects are not compared', t => {
	const versions = seen();
	t.false(versions.note('hostport-ledger-31000', version(1, 30)));
	t.deepEqual(versions.of(name), version(5, 20));
});

test('an object that was created again counts from its own start, and a late event of the deleted one does not hide a copy of it', t => {
	const versions = seen();
	t.false(versions.note(name, version(2, 30, 'second')));
	t.false(versions.note(name, version(6, 21)));
	t.true(versions.note(name, version(1, 40, 'second')));
});

test('a read from etcd counts whatever its resourceVersion, as after a restore of etcd', t => {
	const versions = seen(version(2, 30, 'second'));
	t.false(versions.note(name, version(4, 10), versions.of(name)));
	t.deepEqual(versions.of(name), version(4, 10));
});

test('only what is compared is kept of an object', t => {
	const versions = new LatestVersions();
	versions.note(name, {...version(1, 2), entries: new Map()} as LedgerVersion);
	t.deepEqual(versions.of(name), version(1, 2));
});
