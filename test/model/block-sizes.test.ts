/** Whether the rules of the quarantine are enough, and whether each of them is needed. */
import test from 'ava';
import {blockSizes} from './block-sizes.ts';
import type {Rules} from './block-sizes.ts';
import {explore} from './explore.ts';

const rules: Rules = {disown: true, onlyUnderOpenIndex: true, followOpenPages: true, deletions: 1};

test('no port is given from pages of two block sizes, whatever size an index is begun with', t => {
	for (const followOpenPages of [true, false]) {
		const {states, trace} = explore(blockSizes({...rules, followOpenPages}));
		t.deepEqual(trace, undefined);
		t.log(`${states} states`);
	}
});

const without: ReadonlyArray<readonly [string, Partial<Rules>]> = [
	['marked pages of another size keep their block', {disown: false, followOpenPages: false}],
	['pages are opened while the index is marked', {onlyUnderOpenIndex: false, followOpenPages: false}],
];

for (const [what, change] of without) {
	test(`a port is given twice where ${what}`, t => {
		const {states, trace} = explore(blockSizes({...rules, ...change}));
		t.truthy(trace);
		t.log(`${states} states`, trace?.join(' > '));
	});
}
