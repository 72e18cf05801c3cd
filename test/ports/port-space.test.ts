import test from 'ava';
import {everyProtocol, protocolBit} from '../../src/ports/ledger-entry.ts';
import {PortSpace} from '../../src/ports/port-space.ts';
import {entryWith, ledgerOf} from '../helpers/ledger-builders.ts';

const {TCP, UDP} = protocolBit;

test('a number is free for the protocols without an entry', t => {
	const space = new PortSpace(ledgerOf([['30558.tcp', entryWith()]]), 500);
	t.false(space.isFree(30_558, TCP));
	t.true(space.isFree(30_558, UDP));
	t.false(space.isFree(30_558, TCP | UDP));
	t.true(space.isFree(30_559, everyProtocol));
	t.true(space.isFree(30_558, 0));
});

test('a number that is not a port is not free', t => {
	const space = new PortSpace(new Map(), 500);
	for (const port of [-1, 65_536, 1e9, Number.NaN, 1.5]) {
		t.false(space.isFree(port, TCP));
	}
});

test('a missing page is free, a page in quarantine is not, and neither has entries', t => {
	const space = new PortSpace(ledgerOf([['30558.tcp', entryWith()]], {quarantined: [30_500]}), 500);
	t.true(space.isFree(30_499, everyProtocol));
	t.false(space.isFree(30_500, UDP));
	t.false(space.isFree(30_999, UDP));
	t.true(space.isFree(31_000, everyProtocol));
	t.is(space.entryAt(30_558, 'TCP'), undefined);
	t.is(space.entryAt(31_000, 'TCP'), undefined);
});

test('the last page may reach beyond the last port', t => {
	const quarantined = new PortSpace(ledgerOf([], {quarantined: [65_500]}), 500);
	t.true(quarantined.isFree(65_499, everyProtocol));
	t.false(quarantined.isFree(65_535, TCP));
	const open = new PortSpace(ledgerOf([['65535.tcp', entryWith()]]), 500);
	t.false(open.isFree(65_535, TCP));
	t.true(open.isFree(65_535, UDP));
});

test('a port that a batch takes stays taken for that batch', t => {
	const pages = ledgerOf([['30558.tcp', entryWith({pod: 'game/a'})]]);
	const space = new PortSpace(pages, 500);
	const mine = entryWith({pod: 'game/b'});
	space.take(30_558, 'UDP', mine);
	space.take(31_000, 'TCP', mine);
	t.false(space.isFree(30_558, UDP));
	t.false(space.isFree(30_558, TCP));
	t.false(space.isFree(31_000, TCP));
	t.is(space.entryAt(30_558, 'UDP'), mine);
	t.like(space.entryAt(30_558, 'TCP'), {pod: 'game/a'});
	t.deepEqual(space.keysOf('game/a'), ['30558.tcp']);
	t.deepEqual(space.keysOf('game/b'), ['30558.udp', '31000.tcp']);
	t.deepEqual(space.keysOf('game/c'), []);
	t.true(new PortSpace(pages, 500).isFree(30_558, UDP), 'The pages stay as they were.');
});

test('a port that is taken over has the new entry', t => {
	const space = new PortSpace(ledgerOf([['30558.tcp', entryWith({claim: 'old'})]]), 500);
	space.take(30_558, 'TCP', entryWith({claim: 'new'}));
	t.is(space.entryAt(30_558, 'TCP')?.claim, 'new');
	t.false(space.isFree(30_558, TCP));
});
