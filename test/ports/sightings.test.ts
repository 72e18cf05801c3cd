import test from 'ava';
import {sightingOf, withWritten} from '../../src/ports/sightings.ts';
import {entryWith} from '../helpers/ledger-builders.ts';

const key = '30558.tcp';
const entry = entryWith({claim: 'c', state: 'pending'});
const earlier = new Map([[key, {claim: 'c', state: 'pending', firstSeen: 10} as const]]);

test('an entry that is as before keeps the time when it was first seen', t => {
	t.is(sightingOf(earlier, key, {...entry, pod: 'game/renamed', since: 'another time'}, 20).firstSeen, 10);
});

test('another claim, another state and another port are seen for the first time', t => {
	t.deepEqual(sightingOf(earlier, key, {...entry, claim: 'd'}, 20), {claim: 'd', state: 'pending', firstSeen: 20});
	t.deepEqual(sightingOf(earlier, key, {...entry, state: 'released'}, 20), {claim: 'c', state: 'released', firstSeen: 20});
	t.is(sightingOf(earlier, '30558.udp', entry, 20).firstSeen, 20);
});

test('an entry that this process has just written counts as seen from then on', t => {
	const sightings = withWritten(earlier, [[key, {...entry, state: 'released'}]], 20);
	t.is(sightingOf(sightings, key, {...entry, state: 'released'}, 30).firstSeen, 20);
	t.is(earlier.get(key)?.firstSeen, 10);
});
