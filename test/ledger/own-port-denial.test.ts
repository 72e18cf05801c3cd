/** Unmanaged ports through a whole reservation: what is entered, and what is refused with which words. */
import test from 'ava';
import {DenialError} from '../../src/errors.ts';
import {ownPortDenial} from '../../src/ledger/own-port-denial.ts';
import type {OwnPort, PodDemand} from '../../src/ports/demand.ts';
import type {EntryState} from '../../src/ports/ledger-entry.ts';
import {demandFor, entryWith} from '../helpers/ledger-builders.ts';
import {never} from '../helpers/no-ops.ts';
import {holdMs, startLedger} from '../helpers/start-ledger.ts';

const http: OwnPort = {name: 'http', port: 8080, protocol: 'TCP'};
const bridge = (pod: string, changes: Partial<PodDemand> = {}) => demandFor(['rtp'], {pod: `game/${pod}`, hasFixedName: true, ownPorts: [http], ...changes});

const own = (port: number): OwnPort => ({name: 'admin', port, protocol: 'TCP'});

const messageFor = (state: EntryState): string =>
	ownPortDenial({kind: 'taken', port: http, holder: entryWith({pod: 'game/a', state})}, 500, holdMs).message;

test('a number of another Pod is the client\'s 403, with its holder and the way out', t => {
	t.is(ownPortDenial({kind: 'taken', port: http, holder: entryWith()}, 500, holdMs).code, 403);
	t.is(messageFor('bound'), 'Port "http" of the Pod stays as written, 8080/TCP, and that number is game/a\'s. Let the operator manage the port (hostport.io/ports), give it another number, or, if it needs no host port, remove its hostPort and set hostport.io/host-network: "false"');
});

test('the message says how the holder has the number', t => {
	t.regex(messageFor('pending'), / that number is reserved for game\/a, which is not stored yet; if that Pod was rejected, the number is free within about 120 s\. /);
	t.regex(messageFor('released'), / that number was game\/a's and is held for about 120 s after that Pod is gone\. /);
	t.regex(messageFor('foreign'), / that number is used by game\/a, without the operator\. /);
	t.regex(ownPortDenial({kind: 'taken', port: http, holder: undefined}, 500, holdMs).message, / that number has an entry in the ConfigMap hostport-ledger-8000 that can't be read\. /);
});

test('the message stays short, whatever a person has written into the entry', t => {
	t.true(ownPortDenial({kind: 'taken', port: http, holder: entryWith({pod: 'p'.repeat(100_000)})}, 500, holdMs).message.length < 800);
});

test('of three Pods with managed and unmanaged ports, no two get one number', async t => {
	const {clock, reservations, entries} = await startLedger({});
	const create = async (pod: string, changes: Partial<PodDemand>) => clock.until(reservations.reserve(demandFor(['grpc'], {pod: `game/${pod}`, hasFixedName: true, ...changes}), never));
	t.deepEqual(await create('a', {}), [30_558]);
	const {message} = await t.throwsAsync(create('b', {ownPorts: [own(30_558), own(30_700)]}), {instanceOf: DenialError});
	t.regex(message, /^Port "admin" of the Pod stays as written, 30558\/TCP, and that number is reserved for game\/a,/);
	t.deepEqual(await create('b', {ownPorts: [own(30_700)]}), [30_559]);
	t.deepEqual(await create('c', {basePort: 30_700}), [30_701]);
	t.like(entries()['30700.tcp'], {pod: 'game/b', portName: 'admin', state: 'pending'});
	t.is(entries()['30700.tcp']?.claim, entries()['30559.tcp']?.claim);
});

test('a page of unmanaged numbers is created when it is first needed', async t => {
	const {clock, reservations, entries, configMap} = await startLedger({});
	t.deepEqual(await clock.until(reservations.reserve(bridge('a'), never)), [30_558]);
	t.truthy(configMap('hostport-ledger-8000'));
	t.deepEqual(Object.keys(entries()).toSorted(), ['30558.tcp', '8080.tcp']);
});

test('a number that another replica has just freed is not refused because of a cached page', async t => {
	const {clock, reservations, write} = await startLedger({'8080.tcp': entryWith()});
	await t.throwsAsync(clock.until(reservations.reserve(bridge('a'), never)));
	write('8080.tcp', undefined);
	await clock.advance(1);
	t.deepEqual(await clock.until(reservations.reserve(bridge('a'), never)), [30_558]);
});

test('a number that another replica has just taken is refused, although the cached page has it free', async t => {
	const {clock, reservations, write, entries} = await startLedger({'8081.tcp': entryWith()});
	t.deepEqual(await clock.until(reservations.reserve(bridge('a', {ownPorts: []}), never)), [30_558]);
	t.deepEqual(await clock.until(reservations.reserve(bridge('b', {ownPorts: [{...http, port: 8082}]}), never)), [30_559]);
	write('8080.tcp', entryWith({pod: 'game/faster'}));
	await clock.advance(1);
	await t.throwsAsync(clock.until(reservations.reserve(bridge('c'), never)), {message: /is game\/faster's/});
	t.is(entries()['8080.tcp']?.pod, 'game/faster');
});

test('a page in quarantine is no holder: the client may try again', async t => {
	const {clock, cluster, reservations, newPages} = await startLedger({'8081.tcp': entryWith()});
	cluster.remove('ConfigMap', {name: 'hostport-ledger-8000'});
	await newPages.readAll(never);
	const {code, message} = await t.throwsAsync<DenialError>(clock.until(reservations.reserve(bridge('a'), never)), {instanceOf: DenialError});
	t.is(code, 503);
	t.regex(message, /^Port "http" of the Pod stays as written, 8080\/TCP, and the ConfigMap hostport-ledger-8000, which must record it, gives no ports: it is in quarantine, /);
});

test('a dry run refuses what would be refused, and creates no page', async t => {
	const {clock, dryRun, write, configMap} = await startLedger({'30500.tcp': entryWith()});
	t.deepEqual(await clock.until(dryRun(bridge('a'), never)), [30_558]);
	t.is(configMap('hostport-ledger-8000'), undefined);
	write('30600.tcp', entryWith({pod: 'game/b'}));
	await clock.advance(1);
	await t.throwsAsync(clock.until(dryRun(bridge('a', {ownPorts: [{...http, port: 30_600}]}), never)), {message: /is game\/b's/});
});
