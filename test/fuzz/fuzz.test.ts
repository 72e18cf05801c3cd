import test from 'ava';
import fc from 'fast-check';
import {arbitraryMessage} from './arbitrary-message.ts';
import {judge} from './judge.ts';
import type {Verdict} from './judge.ts';
import {connectTo} from './webhook-client.ts';
import {startWebhook} from './webhook.ts';

test('every message gets a 4xx or a valid review, and reserves only the ports of its patch', async t => {
	t.timeout(5 * 60_000, 'it takes ten seconds on two idle cores');
	await using webhook = await startWebhook();
	using client = connectTo(webhook);
	const verdicts: Partial<Record<Verdict, number>> = {};
	await fc.assert(fc.asyncProperty(arbitraryMessage, async message => {
		const verdict = judge(message, await client.send(message));
		verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
	}), {numRuns: 2000});
	t.log(verdicts);
	// Each kind of answer must be common enough for its code path to be tested.
	for (const verdict of ['4xx', 'allowed', 'patched', 'patched in a dry run', 'denied'] as const) {
		t.true((verdicts[verdict] ?? 0) >= 20, verdict);
	}
});
