/** Reads the ledger's ConfigMaps as they are stored, without the product's own decoder of pages. */
import {parseEntry} from '../../../src/ports/ledger-entry.ts';
import type {LedgerEntry} from '../../../src/ports/ledger-entry.ts';
import type {Stored} from '../../../harness/in-memory-api/kinds.ts';

/** The first port of a page; undefined if the object is not a page of the ledger. */
export const firstPortOf = ({metadata: {name}}: Stored): number | undefined => {
	const first = /^hostport-ledger-(\d+)$/.exec(name)?.[1];
	return first === undefined ? undefined : Number(first);
};

export const lastPortOf = ({metadata: {annotations}}: Stored): number => {
	const range = annotations?.['hostport.io/ports'] ?? '';
	return Number(range.slice(range.indexOf('-') + 1));
};

export const isPage = (object: Stored): boolean => firstPortOf(object) !== undefined;

/** Whether a page or the index is in quarantine: it is marked, or was opened as another object. */
export const isMarked = ({metadata: {uid, annotations = {}}}: Stored): boolean =>
	annotations['hostport.io/mark'] !== undefined || annotations['hostport.io/opened-as'] !== uid;

/** Whether a write has put another version's commit in place of the latest one, as a copy does. */
export const hasAnotherCommit = (before: Stored, after: Stored): boolean =>
	before.metadata.annotations?.['hostport.io/previous-version'] !== after.metadata.annotations?.['hostport.io/previous-version'];

/** A ConfigMap's data; empty for an object that does not exist. */
export const dataOf = (object: Stored | undefined): Readonly<Record<string, string>> => (object?.['data'] ?? {}) as Readonly<Record<string, string>>;

/** Undefined for a text that is absent or is not an entry. */
export const decodedEntry = (text: string | undefined): LedgerEntry | undefined => {
	const entry = text === undefined ? undefined : parseEntry(text);
	return typeof entry === 'object' ? entry : undefined;
};

/** Keys whose values differ between two versions of a page: changed and removed ones first, then added ones. */
export const changedKeys = (was: Readonly<Record<string, string>>, is: Readonly<Record<string, string>>): string[] => {
	if (was === is) {
		return [];
	}

	const changed = Object.keys(was).filter(key => was[key] !== is[key]);
	return [...changed, ...Object.keys(is).filter(key => was[key] === undefined)];
};
