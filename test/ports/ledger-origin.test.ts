import test from 'ava';
import fc from 'fast-check';
import type {ObjectMetadata} from '../../src/kubernetes/object.ts';
import {countAfter, isRolledBack, nextCommit, openingProof, originOf, versionOf} from '../../src/ports/ledger-origin.ts';
import type {LedgerVersion} from '../../src/ports/ledger-origin.ts';

const metadata = (annotations?: Record<string, string>): ObjectMetadata => ({name: 'hostport-ledger', uid: 'mine', resourceVersion: '7', ...(annotations && {annotations})});
const withCommits = (commits: string) => metadata({'hostport.io/commits': commits});

test('an object with its own UID was opened, and one with another UID is a copy', t => {
	t.is(originOf(metadata({'hostport.io/opened-as': 'mine'})), 'opened');
	t.is(originOf(metadata({'hostport.io/opened-as': 'another'})), 'copied');
	t.is(originOf(metadata({'hostport.io/opened-as': ''})), 'copied');
	t.is(originOf(metadata({})), 'unknown');
	t.is(originOf(metadata()), 'unknown');
});

test('the end of a quarantine removes the mark, writes the UID, and counts', t => {
	const proof = openingProof(versionOf(withCommits('4')));
	t.deepEqual(proof, {'hostport.io/mark': null, 'hostport.io/opened-as': 'mine', 'hostport.io/commits': '5'});
	t.is(originOf(metadata(proof as Record<string, string>)), 'opened');
});

test('a count that is missing or no number is 0', t => {
	t.is(versionOf(metadata()).commits, 0);
	for (const text of ['', '-1', '1.5', '1e3', ' 7', '7 ', '0x10', 'many', '٣']) {
		t.is(versionOf(withCommits(text)).commits, 0, text);
	}
});

test('a count of any length can be counted on without looking like an earlier one', t => {
	fc.assert(fc.property(fc.oneof(fc.maxSafeNat(), fc.bigInt({min: 2n ** 53n - 2n, max: 10n ** 400n})), count => {
		const {commits} = versionOf(withCommits(String(count)));
		const next = versionOf(metadata(nextCommit(commits)));
		t.true(Number.isSafeInteger(commits));
		t.is(next.commits, countAfter(commits));
		t.false(isRolledBack({...next, resourceVersion: '8'}, {...next, commits}, true));
		t.true(next.commits >= commits);
	}));
});

const version = (commits: number, resourceVersion = '7', uid = 'mine'): LedgerVersion => ({uid, resourceVersion, commits});

test('a lower count is an earlier state if it was read from etcd, or if it was stored later', t => {
	t.true(isRolledBack(version(4, '9'), version(5, '8'), false));
	t.true(isRolledBack(version(4, '7'), version(5, '8'), true), 'as after a restore of etcd');
	t.false(isRolledBack(version(4, '7'), version(5, '8'), false), 'an old event');
	t.false(isRolledBack(version(5, '9'), version(5, '8'), true));
	t.false(isRolledBack(version(6, '9'), version(5, '8'), true));
	t.false(isRolledBack(version(4, '9', 'another'), version(5, '8'), true), 'another object');
	t.false(isRolledBack(version(4), undefined, true));
});

test('resourceVersions are compared as numbers', t => {
	t.true(isRolledBack(version(4, '10'), version(5, '9'), false));
	t.false(isRolledBack(version(4, '9'), version(5, '10'), false));
});
