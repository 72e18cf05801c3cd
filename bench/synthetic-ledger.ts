/** Ledgers of any size, as the API server would store them. Pure. */
import {ledgerAnnotations, ledgerMetadata} from '../src/ports/ledger-metadata.ts';
import type {ConfigMap} from '../src/ports/ledger-metadata.ts';
import {commitMetadata} from '../src/ports/ledger-origin.ts';
import type {HostPortUse} from '../src/ports/host-port-use.ts';
import {entryKey, formatEntry, protocols} from '../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../src/ports/ledger-entry.ts';
import {blockRange, decodePage, pageName, pageOf} from '../src/ports/ledger-page.ts';
import type {LedgerPage} from '../src/ports/ledger-page.ts';

export const lowestBenchPort = 1024;

/** An entry of realistic length: for a Deployment's Pod with two ports that is bound to a node. */
const entryOf = (index: number): LedgerEntry => ({
	pod: `game/game-server-7d9f8c6b5-${(Math.floor(index / 2) * 2654435761 % 2 ** 32).toString(36).padStart(7, '0')}`,
	portName: index % 2 === 0 ? 'grpc' : 'health',
	state: 'bound',
	uid: uuidOf(index, 'a'),
	node: `worker-${index % 100}.example.com`,
	claim: uuidOf(index, 'b'),
	since: '2026-11-22T10:00:00Z',
});

const uuidOf = (index: number, digit: string): string => `${digit.repeat(8)}-0000-4000-8000-${index.toString(16).padStart(12, '0')}`;

/** Keys and entries: TCP from the lowest number up, then UDP, then SCTP. */
export const syntheticEntries = (count: number): Array<readonly [key: string, entry: LedgerEntry]> => {
	const numbers = 65_536 - lowestBenchPort;
	return Array.from({length: count}, (_, index) => [
		entryKey(lowestBenchPort + (index % numbers), protocols[Math.floor(index / numbers)]!),
		entryOf(index),
	] as const);
};

/** The ConfigMaps of the opened pages that hold `count` entries. */
export const syntheticPages = (count: number, blockSize: number): ConfigMap[] => {
	const byPage = Map.groupBy(syntheticEntries(count), ([key]) => pageOf(Number.parseInt(key, 10), blockSize));
	return [...byPage].map(([first, entries]) => {
		const {labels, annotations: {[ledgerAnnotations.mark]: _mark, ...created}} = ledgerMetadata('page', 'A synthetic page.', blockRange(first, blockSize));
		const uid = `uid-${first}`;
		const {annotations, managedFields} = commitMetadata({resourceVersion: '1'}, {...created, [ledgerAnnotations.openedAs]: uid});
		return {
			metadata: {name: pageName(first), uid, resourceVersion: '2', labels, annotations, managedFields},
			data: Object.fromEntries(entries.map(([key, entry]) => [key, formatEntry(entry)])),
		};
	});
};

export const decodePages = (pages: readonly ConfigMap[], blockSize: number): ReadonlyMap<number, LedgerPage> =>
	new Map(pages.map(page => {
		const first = Number(page.metadata.name.split('-').at(-1));
		return [first, decodePage(page, first, blockSize)];
	}));

/** The uses by live Pods that fit these entries: the ledger is correct. */
export const usesOf = (entries: ReadonlyArray<readonly [key: string, entry: LedgerEntry]>): HostPortUse[] =>
	entries.map(([key, {pod, portName, uid = '', node}]) => ({
		port: Number.parseInt(key, 10),
		protocol: protocols.find(protocol => key.endsWith(protocol.toLowerCase()))!,
		pod,
		uid,
		node,
		portName,
		managed: true,
		given: true,
	}));
