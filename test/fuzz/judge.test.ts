/** Tests the fuzz test's judge: it must reject every wrong answer, or the fuzz test would prove nothing. */
import test from 'ava';
import fc from 'fast-check';
import {statefulSetReview} from '../helpers/fixtures.ts';
import {applyPatch} from '../helpers/json-patch.ts';
import type {Message} from './arbitrary-message.ts';
import {InvalidAnswerError, judge} from './judge.ts';
import type {Outcome} from './webhook-client.ts';
import {connectTo} from './webhook-client.ts';
import {startWebhook} from './webhook.ts';

const messageOf = (review: unknown): Message =>
	({body: Buffer.from(JSON.stringify(review)), contentType: 'application/json', query: '?timeout=10s', [fc.toStringMethod]: () => 'a message'});

const validMessage = messageOf(statefulSetReview());

const answerTo = async (message: Message): Promise<Outcome> => {
	await using webhook = await startWebhook();
	using client = connectTo(webhook);
	return await client.send(message);
};

type Response = {uid: string; allowed: boolean; patchType?: string; patch?: string; status?: object};
type Operation = {op: string; path: string; value: unknown};

/** The webhook's answer with a changed response. */
const answerWith = (outcome: Outcome, change: (response: Response) => void): Outcome => {
	const review = JSON.parse(outcome.answer!.body) as {response: Response};
	change(review.response);
	return {...outcome, answer: {status: 200, body: JSON.stringify(review)}};
};

const patchWith = (outcome: Outcome, change: (patch: Operation[]) => unknown): Outcome => answerWith(outcome, response => {
	const patch = JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString()) as Operation[];
	response.patch = Buffer.from(JSON.stringify(change(patch))).toString('base64');
});

test('the webhook\'s own answer to a valid review is valid', async t => {
	const outcome = await answerTo(validMessage);
	t.is(judge(validMessage, outcome), 'patched');
	const {request} = statefulSetReview() as {request: {object: object}};
	const {answer} = outcome;
	const {response} = JSON.parse(answer!.body) as {response: Response};
	t.notDeepEqual(applyPatch(request.object, JSON.parse(Buffer.from(response.patch!, 'base64').toString()) as Parameters<typeof applyPatch>[1]), request.object);
});

const wrongAnswers: Readonly<Record<string, (outcome: Outcome) => Outcome>> = {
	'no answer': outcome => ({...outcome, answer: undefined}),
	'status 500': outcome => ({...outcome, answer: {status: 500, body: 'failed'}}),
	'not JSON': outcome => ({...outcome, answer: {status: 200, body: 'ok'}}),
	'not a review': outcome => ({...outcome, answer: {status: 200, body: '{}'}}),
	'a 4xx that reserved ports': outcome => ({...outcome, answer: {status: 400, body: 'no'}}),
	'another request\'s UID': outcome => answerWith(outcome, response => Object.assign(response, {uid: 'other'})),
	'allowed is a string': outcome => answerWith(outcome, response => Object.assign(response, {allowed: 'true'})),
	'a denial with a patch': outcome => answerWith(outcome, response => Object.assign(response, {allowed: false, status: {code: 400, reason: 'BadRequest', message: 'no'}})),
	'a denial with code 500': outcome => answerWith({...outcome, entries: []}, response => {
		delete response.patch;
		delete response.patchType;
		Object.assign(response, {allowed: false, status: {code: 500, reason: 'InternalError', message: 'failed'}});
	}),
	'no patch, but reserved ports': outcome => answerWith(outcome, response => {
		delete response.patch;
		delete response.patchType;
	}),
	'a patch without a type': outcome => answerWith(outcome, response => {
		delete response.patchType;
	}),
	'a patch that is not base64': outcome => answerWith(outcome, response => Object.assign(response, {patch: '{}'})),
	'an empty patch': outcome => patchWith(outcome, () => []),
	'a patch that removes a member': outcome => patchWith(outcome, patch => [...patch, {op: 'remove', path: '/spec/dnsPolicy'}]),
	'a patch that does not apply': outcome => patchWith(outcome, patch => [...patch, {op: 'add', path: '/spec/containers/7/ports', value: []}]),
	'a patch without the ports': outcome => patchWith(outcome, patch => patch.filter(({path}) => !path.endsWith('/ports'))),
	'a patch without the annotations': outcome => patchWith(outcome, patch => patch.filter(({path}) => path !== '/metadata/annotations')),
	'a patch without a reservation': outcome => ({...outcome, entries: []}),
	'more ports reserved than given': outcome => ({...outcome, entries: [...outcome.entries, '2000.tcp']}),
	'a number outside of the range': outcome => ({...outcome, given: outcome.given.map(({demand, numbers}) => ({demand: {...demand, basePort: 32_000}, numbers}))}),
	'the same number twice': outcome => ({...outcome, given: outcome.given.map(({demand, numbers}) => ({demand, numbers: numbers.map(() => numbers[0]!)}))}),
	'two reservations': outcome => ({...outcome, given: [...outcome.given, ...outcome.given]}),
};

for (const [what, change] of Object.entries(wrongAnswers)) {
	test(`an invalid answer: ${what}`, async t => {
		const outcome = change(await answerTo(validMessage));
		t.throws(() => judge(validMessage, outcome), {instanceOf: InvalidAnswerError});
	});
}

test('an invalid answer: a dry run that reserves', async t => {
	const outcome = await answerTo(validMessage);
	const {request, ...review} = statefulSetReview() as {request: object};
	t.throws(() => judge(messageOf({...review, request: {...request, dryRun: true}}), outcome), {instanceOf: InvalidAnswerError});
});

test('an invalid answer: a review for a body that is not JSON', async t => {
	const outcome = await answerTo(validMessage);
	t.throws(() => judge({...validMessage, body: validMessage.body.subarray(1)}, outcome), {instanceOf: InvalidAnswerError});
});
