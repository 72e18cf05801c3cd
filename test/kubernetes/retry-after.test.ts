import test from 'ava';
import {retryAfterOf} from '../../src/kubernetes/retry-after.ts';

const date = 'Sun, 22 Nov 2026 12:00:00 GMT';

const table: ReadonlyArray<readonly [retryAfter: string | undefined, ms: number]> = [
	[undefined, 0],
	['', 0],
	['0', 0],
	['1', 1000],
	['32', 32_000],
	['1.5', 0],
	['-5', 0],
	['soon', 0],
	['Sun, 22 Nov 2026 12:00:07 GMT', 7000],
	['Sun, 22 Nov 2026 11:59:00 GMT', 0],
];

for (const [retryAfter, ms] of table) {
	test(`Retry-After "${retryAfter}" asks for ${ms} ms`, t => {
		t.is(retryAfterOf({...(retryAfter !== undefined && {'retry-after': retryAfter}), date}), ms);
	});
}

test('a date asks for nothing if the answer does not say what time it is', t => {
	t.is(retryAfterOf({'retry-after': 'Sun, 22 Nov 2126 12:00:07 GMT'}), 0);
});
