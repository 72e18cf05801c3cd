/**
 * `npm run fuzz -- --cases 100000 --seed 1`: hostile messages to the webhook in a process of its own, and what it makes of
 * them. A message that is answered wrongly, or ends the process, is made as small as possible and shown, and ends the run;
 * `--seed` and `--path`, which are shown with it, send it again.
 */
import process from 'node:process';
import {parseArgs} from 'node:util';
import fc from 'fast-check';
import {arbitraryMessage} from './arbitrary-message.ts';
import {InvalidAnswerError, judge} from './judge.ts';
import type {Verdict} from './judge.ts';
import {aimAt} from './target.ts';
import {startWebhookProcess} from './webhook-process.ts';
import {memoryOf} from '../../harness/process-memory.ts';

const {values} = parseArgs({options: {
	cases: {type: 'string', default: '100000'},
	seed: {type: 'string', default: String(Math.floor(Math.random() * 2 ** 31))},
	path: {type: 'string'},
	/** MiB. What deploy/base lets a replica have. */
	'rss-limit': {type: 'string', default: '250'},
}});
const numRuns = Number(values.cases);
const rssLimitMb = Number(values['rss-limit']);

let webhook = await startWebhookProcess();
let target = aimAt(webhook);
const {rssMb: rssBeforeMb} = await memoryOf(webhook.pid);
const startedAt = performance.now();
const verdicts: Partial<Record<Verdict, number>> = {};
let [sent, crashes, peakRssMb, rssMb] = [0, 0, 0, 0];
const report = setInterval(() => console.log(`${sent} sent, RSS ${rssMb} MB, at most ${peakRssMb} MB so far`), 10_000);

/** The next message finds another process; a crash must not hide behind the one before. */
const replaceCrashed = async (): Promise<void> => {
	crashes++;
	target[Symbol.dispose]();
	webhook = await startWebhookProcess();
	target = aimAt(webhook);
};

const property = fc.asyncProperty(arbitraryMessage, async message => {
	sent++;
	const outcome = target.send(message);
	try {
		await Promise.race([outcome, webhook.crashed]);
	} catch (error) {
		await outcome.catch(() => {});
		await replaceCrashed();
		throw error;
	}

	({rssMb, peakRssMb} = await memoryOf(webhook.pid));
	const verdict = judge(message, await outcome);
	verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
});

const result = await fc.check(property, {numRuns, seed: Number(values.seed), ...(values.path && {path: values.path})});
clearInterval(report);
const seconds = (performance.now() - startedAt) / 1000;
target[Symbol.dispose]();
await webhook[Symbol.asyncDispose]();

console.log(`seed ${result.seed}: ${sent} messages in ${seconds.toFixed(0)} s, ${(sent / seconds).toFixed(0)} a second`);
console.log(Object.entries(verdicts).map(([verdict, count]) => `${verdict}: ${count}`).join(', '));
console.log(`invalid answers: ${result.errorInstance instanceof InvalidAnswerError ? 1 : 0}, crashes: ${crashes}`);
console.log(`RSS: ${rssBeforeMb} MB before, ${rssMb} MB after, ${peakRssMb} MB at its peak, of ${rssLimitMb} MB allowed`);
if (result.failed) {
	console.log(`again: npm run fuzz -- --seed ${result.seed} --path ${result.counterexamplePath}`);
	console.log(fc.stringify(result.counterexample));
	console.log(result.errorInstance);
}

process.exitCode = result.failed || peakRssMb > rssLimitMb ? 1 : 0;
