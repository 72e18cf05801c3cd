/**
 * `npm run fuzz -- --cases 100000 --seed 1` sends hostile messages to a webhook in a process of its own and judges its answers.
 * An invalid answer or a crash ends the run. It prints the smallest message that it finds with the same fault, and the
 * `--seed` and `--path` that send the message again.
 */
import process from 'node:process';
import {parseArgs} from 'node:util';
import fc from 'fast-check';
import {arbitraryMessage} from './arbitrary-message.ts';
import {InvalidAnswerError, judge} from './judge.ts';
import type {Verdict} from './judge.ts';
import {connectTo} from './webhook-client.ts';
import {startWebhookProcess} from './webhook-process.ts';
import {memoryOf} from '../../harness/process-memory.ts';

const usage = `Sends hostile messages to a webhook in a process of its own, and judges its answers.

    npm run fuzz -- [options]

Options:
    --cases <number>      how many messages (default: 100000)
    --seed <number>       start of the random numbers (default: any)
    --path <path>         with --seed: sends one message again, as a failed run prints it
    --rss-limit <MiB>     of the webhook's process (default: 250, a replica's limit in deploy/base)
    --help                show this help`;

const {values} = parseArgs({options: {
	cases: {type: 'string', default: '100000'},
	seed: {type: 'string', default: String(Math.floor(Math.random() * 2 ** 31))},
	path: {type: 'string'},
	/** MiB: a replica's memory limit in deploy/base. */
	'rss-limit': {type: 'string', default: '250'},
	help: {type: 'boolean', short: 'h', default: false},
}});
if (values.help) {
	console.log(usage);
	process.exit(0);
}

const numRuns = Number(values.cases);
const rssLimitMb = Number(values['rss-limit']);

let webhook = await startWebhookProcess();
let client = connectTo(webhook);
const {rssMb: rssBeforeMb} = await memoryOf(webhook.pid);
const startedAt = performance.now();
const verdicts: Partial<Record<Verdict, number>> = {};
let [sent, crashes, peakRssMb, rssMb] = [0, 0, 0, 0];
const report = setInterval(() => console.log(`${sent} messages sent, RSS ${rssMb} MB, peak ${peakRssMb} MB`), 10_000);

/** Starts another process for the next message, so that a second crash is not taken for the first one. */
const replaceCrashed = async (): Promise<void> => {
	crashes++;
	client[Symbol.dispose]();
	webhook = await startWebhookProcess();
	client = connectTo(webhook);
};

const property = fc.asyncProperty(arbitraryMessage, async message => {
	sent++;
	const outcome = client.send(message);
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
client[Symbol.dispose]();
await webhook[Symbol.asyncDispose]();

console.log(`seed ${result.seed}: ${sent} messages in ${seconds.toFixed(0)} s, ${(sent / seconds).toFixed(0)} per second`);
console.log(Object.entries(verdicts).map(([verdict, count]) => `${verdict}: ${count}`).join(', '));
console.log(`invalid answers: ${result.errorInstance instanceof InvalidAnswerError ? 1 : 0}, crashes: ${crashes}`);
console.log(`RSS: ${rssBeforeMb} MB before, ${rssMb} MB after, peak ${peakRssMb} MB, limit ${rssLimitMb} MB`);
if (result.failed) {
	console.log(`repeat it with: npm run fuzz -- --seed ${result.seed} --path ${result.counterexamplePath}`);
	console.log(fc.stringify(result.counterexample));
	console.log(result.errorInstance);
}

process.exitCode = result.failed || peakRssMb > rssLimitMb ? 1 : 0;
