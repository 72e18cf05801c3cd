import test from 'ava';
import {pino} from 'pino';
import {CopyMarks} from '../../src/ledger/copy-marks.ts';
import {entryWith} from '../helpers/ledger-builders.ts';
import {never, silent} from '../helpers/no-ops.ts';
import {startLedger} from '../helpers/start-ledger.ts';

test('each copy is logged once, however often it can\'t be marked', async t => {
	const {api, ledgerApi, cluster} = await startLedger({'30500.tcp': entryWith()});
	const lines: string[] = [];
	const logger = pino({level: 'warn'}, {write: (line: string) => void lines.push((JSON.parse(line) as {msg: string}).msg)});
	const copyMarks = new CopyMarks({ledgerApi, logger});
	api.before = request => {
		if (request.startsWith('PATCH')) {
			throw new Error('no answer');
		}
	};
	const read = async () => (await ledgerApi.readPage(30_500, never))!;
	for (let times = 0; times < 5; times++) {
		t.is(await copyMarks.markPage(await read(), never), undefined);
	}

	t.is(lines.length, 2, lines.join('\n'));
	t.regex(lines[0]!, /^the ConfigMap hostport-ledger-30500 was put back from a copy/);
	t.regex(lines[1]!, /could not be marked/);
	cluster.patch('ConfigMap', {name: 'hostport-ledger-30500'}, {metadata: {labels: {another: 'copy'}}});
	await copyMarks.markPage(await read(), never);
	t.is(lines.length, 4);
});

test('a copy is marked only in the version that was read', async t => {
	const {ledgerApi, write} = await startLedger({'30500.tcp': entryWith()});
	const copyMarks = new CopyMarks({ledgerApi, logger: silent});
	const page = (await ledgerApi.readPage(30_500, never))!;
	write('30501.tcp', entryWith());
	t.is(await copyMarks.markPage(page, never), undefined);
	const marked = await copyMarks.markPage((await ledgerApi.readPage(30_500, never))!, never);
	t.like(marked, {quarantined: true, isCopied: false});
});
