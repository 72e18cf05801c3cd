import test from 'ava';
import {pino} from 'pino';
import {ApiError} from '../../src/errors.ts';
import {PageFailures} from '../../src/ledger/page-failures.ts';
import {FakeClock} from '../helpers/fake-clock.ts';
import {demandFor, entryWith, ledgerOf} from '../helpers/ledger-builders.ts';

const answer = (status: number, message = 'no') => new ApiError('PATCH', '/api/v1/namespaces/operators/configmaps/page', status, message);

const setUp = () => {
	const clock = new FakeClock();
	const lines: string[] = [];
	const logger = pino({level: 'warn'}, {write: (line: string) => void lines.push((JSON.parse(line) as {msg: string}).msg)});
	return {clock, lines, failures: new PageFailures({clock, logger, blockSize: 500})};
};

for (const status of [400, 403, 413, 422]) {
	test(`an answer with status ${status} leaves the page out for ten seconds`, async t => {
		const {clock, failures} = setUp();
		t.true(failures.failed(30_500, answer(status)));
		t.like(failures.of(30_500), {first: 30_500, isTransient: false});
		t.is(failures.of(31_000), undefined);
		await clock.advance(9999);
		t.truthy(failures.of(30_500));
		await clock.advance(1);
		t.is(failures.of(30_500), undefined);
	});
}

for (const error of [answer(401), answer(404), answer(409), answer(410), answer(429), answer(503), answer(504), new Error('connection reset'), 'odd']) {
	test(`a failure may concern more than the page: ${String(error)}`, t => {
		const {failures} = setUp();
		for (let times = 0; times < 5; times++) {
			t.false(failures.failed(30_500, error));
		}

		t.is(failures.of(30_500), undefined);
	});
}

test('three errors 500 in a row leave the page out for a second', async t => {
	const {clock, failures} = setUp();
	t.deepEqual([1, 2, 3].map(() => failures.failed(30_500, answer(500))), [false, false, true]);
	t.like(failures.of(30_500), {isTransient: true});
	await clock.advance(1000);
	t.is(failures.of(30_500), undefined);
	t.true(failures.failed(30_500, answer(500)), 'It has not worked since.');
});

test('errors 500 of different pages, or with a success or another failure in between, are not in a row', t => {
	const {failures} = setUp();
	t.deepEqual([1, 2].map(() => failures.failed(30_500, answer(500))), [false, false]);
	t.false(failures.failed(31_000, answer(500)));
	failures.succeeded(30_500);
	t.deepEqual([1, 2].map(() => failures.failed(30_500, answer(500))), [false, false]);
	failures.failed(30_500, answer(503));
	t.deepEqual([1, 2].map(() => failures.failed(30_500, answer(500))), [false, false]);
});

test('the failures of a range are those of its pages', t => {
	const {failures} = setUp();
	failures.failed(30_500, answer(422));
	failures.failed(31_000, answer(403));
	const between = (base: number, max: number) => failures.concerning(demandFor(['grpc'], {basePort: base, maxPort: max})).map(({first}) => first);
	t.deepEqual(between(30_000, 30_499), []);
	t.deepEqual(between(30_000, 30_500), [30_500]);
	t.deepEqual(between(30_999, 31_000), [30_500, 31_000]);
	t.deepEqual(between(31_499, 40_000), [31_000]);
	t.deepEqual(between(31_500, 40_000), []);
	t.deepEqual(failures.concerning(demandFor(['grpc'], {basePort: 40_000, maxPort: 50_000, ownPorts: [{name: 'web', port: 30_700, protocol: 'TCP'}]})).map(({first}) => first), [30_500], 'A port that stays as written needs its page.');
});

test('a plan sees pages that fail as unusable, also those that do not exist', async t => {
	const {clock, failures} = setUp();
	const pages = ledgerOf([['30558.tcp', entryWith()], ['31000.tcp', entryWith()]]);
	failures.failed(30_500, answer(422, 'field is immutable'));
	failures.failed(32_000, answer(403, 'exceeded quota'));
	const planned = failures.withUnusable(pages);
	t.deepEqual([...planned.keys()], [30_500, 31_000, 32_000]);
	t.regex(planned.get(30_500)?.unusable ?? '', /field is immutable/);
	t.is(planned.get(30_500)?.entries.size, 1);
	t.is(planned.get(31_000), pages.get(31_000));
	t.regex(planned.get(32_000)?.unusable ?? '', /exceeded quota/);
	t.is(pages.get(30_500)?.unusable, undefined, 'The cached page stays as it is.');
	await clock.advance(10_000);
	t.deepEqual(failures.withUnusable(pages), new Map(pages));
});

test('a page\'s failure is logged once, until it works again or fails in another way', async t => {
	const {clock, lines, failures} = setUp();
	for (let times = 0; times < 5; times++) {
		failures.failed(30_500, answer(422, 'immutable'));
		await clock.advance(10_000);
	}

	t.is(lines.length, 1);
	t.regex(lines[0]!, /^the ConfigMap hostport-ledger-30500 gives no ports for the moment: .*immutable/);
	failures.failed(30_500, answer(403, 'quota'));
	t.is(lines.length, 2);
	failures.succeeded(30_500);
	t.is(failures.of(30_500), undefined);
	failures.failed(30_500, answer(403, 'quota'));
	t.is(lines.length, 3);
});
