import test from 'ava';
import fc from 'fast-check';
import {arbitraryMessage} from './arbitrary-message.ts';
import {judge} from './judge.ts';
import type {Verdict} from './judge.ts';
import {aimAt} from './target.ts';
import {startWebhook} from './webhook.ts';

test('whatever is sent: a 4xx or a valid review, and nothing is reserved but what a patch gives', async t => {
	await using webhook = await startWebhook();
	using target = aimAt(webhook);
	const verdicts: Partial<Record<Verdict, number>> = {};
	await fc.assert(fc.asyncProperty(arbitraryMessage, async message => {
		const verdict = judge(message, await target.send(message));
		verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
	}), {numRuns: 2000});
	t.log(verdicts);
	// Else it would be mostly one way through the program that is tried.
	for (const verdict of ['4xx', 'allowed', 'patched', 'patched in a dry run', 'denied'] as const) {
		t.true((verdicts[verdict] ?? 0) >= 20, verdict);
	}
});
