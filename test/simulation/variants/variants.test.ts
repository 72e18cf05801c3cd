/** Tests the simulation itself: it must catch every broken variant of the product. */
import test from 'ava';
import {runSeeds} from '../pool.ts';
import type {Run} from '../run.ts';
import {variants} from './variants.ts';

/** Most variants are caught by the first seed, see docs/simulation.md. */
const maxSeeds = 24;

for (const {name} of variants) {
	test.serial(`the simulation catches: ${name}`, async t => {
		t.timeout(20 * 60_000, 'seconds on two idle cores');
		let runs = 0;
		let caught: Run | undefined;
		await runSeeds({from: 1, count: maxSeeds, jobs: 1, variant: name, onRun(run) {
			runs += 1;
			caught = run.violation && run;
			return caught ? 'stop' : 'go on';
		}});
		t.truthy(caught, `not caught by ${runs} seeds`);
		t.log(`seed ${caught?.seed}: ${caught?.violation?.invariant}`);
	});
}

test('every variant has a unique name', t => {
	t.is(new Set(variants.map(({name}) => name)).size, variants.length);
});
