/** The judge of the fuzzing finds what is wrong: a judge who accepts everything would prove nothing. */
import test from 'ava';
import fc from 'fast-check';
import {statefulSetReview} from '../helpers/fixtures.ts';
import {applyPatch} from '../helpers/json-patch.ts';
import type {Message} from './arbitrary-message.ts';
import {InvalidAnswerError, judge} from './judge.ts';
import type {Outcome} from './target.ts';
import {aimAt} from './target.ts';
import {startWebhook} from './webhook.ts';

const messageOf = (review: unknown): Message =>
	({body: Buffer.from(JSON.stringify(review)), contentType: 'application/json', query: '?timeout=10s', [fc.toStringMethod]: () => 'a message'});

const honest = messageOf(statefulSetReview());

const answerTo = async (message: Message): Promise<Outcome> => {
	await using webhook = await startWebhook();
	using target = aimAt(webhook);
	return await target.send(message);
};

type Response = {uid: string; allowed: boolean; patchType?: string; patch?: string; status?: object};
type Operation = {op: string; path: string; value: unknown};

/** The honest answer, with its response changed. */
const answerWith = (outcome: Outcome, change: (response: Response) => void): Outcome => {
	const review = JSON.parse(outcome.answer!.body) as {response: Response};
	change(review.response);
	return {...outcome, answer: {status: 200, body: JSON.stringify(review)}};
};

const patchWith = (outcome: Outcome, change: (patch: Operation[]) => unknown): Outcome => answerWith(outcome, response => {
	const patch = JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString()) as Operation[];
	response.patch = Buffer.from(JSON.stringify(change(patch))).toString('base64');
});

test('the honest answer to an honest review is valid', async t => {
	const outcome = await answerTo(honest);
	t.is(judge(honest, outcome), 'patched');
	const {request} = statefulSetReview() as {request: {object: object}};
	const {answer} = outcome;
	const {response} = JSON.parse(answer!.body) as {response: Response};
	t.notDeepEqual(applyPatch(request.object, JSON.parse(Buffer.from(response.patch!, 'base64').toString()) as Parameters<typeof applyPatch>[1]), request.object);
});

const wrongAnswers: Readonly<Record<string, (outcome: Outcome) => Outcome>> = {
	'there is none': outcome => ({...outcome, answer: undefined}),
	'a failure of the server': outcome => ({...outcome, answer: {status: 500, body: 'failed'}}),
	'no JSON': outcome => ({...outcome, answer: {status: 200, body: 'ok'}}),
	'no review': outcome => ({...outcome, answer: {status: 200, body: '{}'}}),
	'a 4xx, but ports are reserved': outcome => ({...outcome, answer: {status: 400, body: 'no'}}),
	'the UID of another': outcome => answerWith(outcome, response => Object.assign(response, {uid: 'other'})),
	'allowed is a word': outcome => answerWith(outcome, response => Object.assign(response, {allowed: 'true'})),
	'denied with a patch': outcome => answerWith(outcome, response => Object.assign(response, {allowed: false, status: {code: 400, reason: 'BadRequest', message: 'no'}})),
	'a failure of the operator': outcome => answerWith({...outcome, entries: []}, response => {
		delete response.patch;
		delete response.patchType;
		Object.assign(response, {allowed: false, status: {code: 500, reason: 'InternalError', message: 'failed'}});
	}),
	'allowed without a patch, but ports are reserved': outcome => answerWith(outcome, response => {
		delete response.patch;
		delete response.patchType;
	}),
	'a patch without a type': outcome => answerWith(outcome, response => {
		delete response.patchType;
	}),
	'a patch that is not in base64': outcome => answerWith(outcome, response => Object.assign(response, {patch: '{}'})),
	'a patch of nothing': outcome => patchWith(outcome, () => []),
	'a patch that takes away': outcome => patchWith(outcome, patch => [...patch, {op: 'remove', path: '/spec/dnsPolicy'}]),
	'a patch that does not apply': outcome => patchWith(outcome, patch => [...patch, {op: 'add', path: '/spec/containers/7/ports', value: []}]),
	'a patch without the ports': outcome => patchWith(outcome, patch => patch.filter(({path}) => !path.endsWith('/ports'))),
	'a patch without the annotations': outcome => patchWith(outcome, patch => patch.filter(({path}) => path !== '/metadata/annotations')),
	'nothing is reserved': outcome => ({...outcome, entries: []}),
	'more is reserved': outcome => ({...outcome, entries: [...outcome.entries, '2000.tcp']}),
	'a number out of the range': outcome => ({...outcome, given: outcome.given.map(({demand, numbers}) => ({demand: {...demand, basePort: 32_000}, numbers}))}),
	'a number twice': outcome => ({...outcome, given: outcome.given.map(({demand, numbers}) => ({demand, numbers: numbers.map(() => numbers[0]!)}))}),
	'reserved twice': outcome => ({...outcome, given: [...outcome.given, ...outcome.given]}),
};

for (const [what, change] of Object.entries(wrongAnswers)) {
	test(`an answer is not valid: ${what}`, async t => {
		const outcome = change(await answerTo(honest));
		t.throws(() => judge(honest, outcome), {instanceOf: InvalidAnswerError});
	});
}

test('a dry run that reserves is not valid', async t => {
	const outcome = await answerTo(honest);
	const {request, ...review} = statefulSetReview() as {request: object};
	t.throws(() => judge(messageOf({...review, request: {...request, dryRun: true}}), outcome), {instanceOf: InvalidAnswerError});
});

test('an answer to what is no JSON is not valid', async t => {
	const outcome = await answerTo(honest);
	t.throws(() => judge({...honest, body: honest.body.subarray(1)}, outcome), {instanceOf: InvalidAnswerError});
});
