/** A second implementation of sequential allocation, to compare the product's with: slow and simple, each step tries every number. */
import type {PendingRequest} from '../../src/ports/allocator.ts';
import type {NamedPort, NumberDemand} from '../../src/ports/demand.ts';
import {entryKey} from '../../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../../src/ports/ledger-entry.ts';
import type {LedgerPage} from '../../src/ports/ledger-page.ts';
import {since} from './ledger-builders.ts';

/** By key: the entry of a port, or `closed` if the port can not be given. */
export type Ledger = Map<string, LedgerEntry | 'closed'>;

export const ledgerFrom = (pages: ReadonlyMap<number, LedgerPage>): Ledger => {
	const ledger: Ledger = new Map();
	for (const {first, blockSize, unusable, entries, damaged} of pages.values()) {
		for (const [key, entry] of entries) {
			ledger.set(key, entry);
		}

		for (let port = first; port < first + blockSize; port++) {
			for (const protocol of ['TCP', 'UDP', 'SCTP'] as const) {
				const key = entryKey(port, protocol);
				if (unusable || (damaged.some(({reserves}) => reserves && port >= reserves.first && port <= reserves.last) && !entries.has(key))) {
					ledger.set(key, 'closed');
				}
			}
		}
	}

	return ledger;
};

/** Allocates one request and adds its entries to the ledger. Undefined if the range is exhausted or an own port is not free. */
export const allocateSlowly = (ledger: Ledger, {demand, claim, earlierClaims}: PendingRequest, blockSize: number): readonly number[] | undefined => {
	const {pod, hasFixedName, numbers, basePort, maxPort, ordinal, ownPorts, excluded = []} = demand;
	const range = Array.from({length: maxPort - basePort + 1}, (_, index) => basePort + index)
		.filter(port => !excluded.some(({first, last}) => port >= first && port <= last));
	const found: Array<number | undefined> = numbers.map(() => undefined);
	const isMissing = (index: number) => found[index] === undefined;

	const isOwn = (port: number, {ports}: NumberDemand) =>
		found.includes(port) || ports.some(({protocol}) => ownPorts.some(own => own.port === port && own.protocol === protocol));
	const isFree = (port: number, {protocol}: NamedPort) => !ledger.has(entryKey(port, protocol));
	const fits = (port: number, number: NumberDemand) =>
		range.includes(port) && !isOwn(port, number) && number.ports.every(named => isFree(port, named));
	const entryOf = (port: number, {name, protocol}: NamedPort): LedgerEntry | undefined => {
		const entry = ledger.get(entryKey(port, protocol));
		return typeof entry === 'object' && entry.pod === pod && entry.portName === name ? entry : undefined;
	};

	const isEarlier = (entry: LedgerEntry | 'closed' | undefined) => typeof entry === 'object' && entry.pod === pod && earlierClaims.includes(entry.claim ?? '');
	for (const {port, protocol} of ownPorts) {
		const entry = ledger.get(entryKey(port, protocol));
		if (entry === 'closed' || (entry && !isEarlier(entry) && !(hasFixedName && entry.pod === pod && entry.state !== 'foreign'))) {
			return undefined;
		}
	}

	for (const [index, number] of numbers.entries()) {
		found[index] = range.find(port => !isOwn(port, number) && number.ports.every(named => earlierClaims.includes(entryOf(port, named)?.claim ?? '')));
	}

	const isReserved = found.map(port => port !== undefined);
	for (const [index, number] of hasFixedName ? numbers.entries() : []) {
		const isPredecessors = (port: number, named: NamedPort) => (entryOf(port, named)?.state ?? 'foreign') !== 'foreign';
		found[index] ??= range.find(port => !isOwn(port, number)
			&& number.ports.some(named => isPredecessors(port, named))
			&& number.ports.every(named => isPredecessors(port, named) || isFree(port, named)));
	}

	const missing = [...numbers.keys()].filter(index => isMissing(index));
	const fitsFrom = (start: number) => missing.every((index, position) => fits(start + position, numbers[index]!));
	const pageOf = (port: number) => Math.floor(port / blockSize);
	const runs = range.filter(start => fitsFrom(start));
	const ordinalRun = basePort + (ordinal ?? Number.NaN) * numbers.length;
	const run = missing.length === numbers.length && fitsFrom(ordinalRun)
		? ordinalRun
		: runs.find(start => pageOf(start) === pageOf(start + missing.length - 1)) ?? runs[0];
	for (const [position, index] of missing.entries()) {
		found[index] = run === undefined ? range.find(port => fits(port, numbers[index]!)) : run + position;
	}

	const result = found.filter(port => port !== undefined);
	if (result.length < numbers.length) {
		return undefined;
	}

	for (const [index, {ports}] of numbers.entries()) {
		for (const {name, protocol} of isReserved[index] ? [] : ports) {
			ledger.set(entryKey(result[index]!, protocol), {pod, portName: name, state: 'pending', claim, since});
		}
	}

	for (const {name, port, protocol} of ownPorts) {
		if (!isEarlier(ledger.get(entryKey(port, protocol)))) {
			ledger.set(entryKey(port, protocol), {pod, portName: name, state: 'pending', claim, since});
		}
	}

	return result;
};
