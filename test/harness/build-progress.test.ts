import test from 'ava';
import {describeProgress} from '../../harness/control-plane/build-progress.ts';

test('progress is packages of all, with the time that is left', t => {
	t.is(describeProgress({total: 2000, compiled: 500, elapsedMs: 120_000}), '500 of 2000 packages compiled (25 %), about 6 minutes left');
	t.is(describeProgress({total: 2000, compiled: 1999, elapsedMs: 600_000}), '1999 of 2000 packages compiled (99 %), about a minute left');
});

test('no time is estimated from a few packages', t => {
	t.is(describeProgress({total: 2000, compiled: 20, elapsedMs: 5000}), '20 of 2000 packages compiled (1 %)');
});

test('after the last package, programs are linked', t => {
	t.is(describeProgress({total: 2000, compiled: 2000, elapsedMs: 600_000}), 'All 2000 packages are compiled. Linking (600 s)');
});

test('without a total, packages and time are counted', t => {
	t.is(describeProgress({total: undefined, compiled: 7, elapsedMs: 30_400}), 'Still building (7 packages compiled, 30 s)');
});
