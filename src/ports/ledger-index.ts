/** The index: the ConfigMap `hostport-ledger`, which pins what all replicas must agree on. Pure. */
import {LedgerFormatError} from '../errors.ts';
import {ledgerAnnotations, schemaVersion} from './ledger-metadata.ts';
import type {ConfigMap} from './ledger-metadata.ts';
import {highestPort} from './port-range.ts';

export const indexName = 'hostport-ledger';

/**
 * Numbers in one page, where the ledger is made anew. The cost of a commit grows with the page (about 6 ms at 100
 * entries and 12 ms at 500), while a burst should touch few pages (docs/adr/0008-writes.md).
 */
export const defaultBlockSize = 500;

/** One version of the index. */
export type LedgerIndex = {
	readonly uid: string;
	readonly resourceVersion: string;
	readonly blockSize: number;
	/** First ports of the pages that have ever existed, ascending. */
	readonly pages: readonly number[];
	/** Whether it waits until everybody who might have known an older index has been heard or is gone. */
	readonly quarantined: boolean;
};

/**
 * Reads the index as the API server has it.
 *
 * @throws {LedgerFormatError} when its version, mark, block size or list of pages is not one that we know: then nobody
 * may allocate anything, for two replicas that understand it differently would give a port twice.
 */
export const decodeIndex = ({metadata, data}: ConfigMap): LedgerIndex => {
	const version = metadata.annotations?.[ledgerAnnotations.schemaVersion];
	const mark = metadata.annotations?.[ledgerAnnotations.mark];
	const blockSize = Number(data?.['block-size']);
	const pages = (data?.['pages'] ?? '').split(/\s+/).filter(Boolean);
	if (version !== schemaVersion) {
		throw new LedgerFormatError(`the annotation ${ledgerAnnotations.schemaVersion} is "${version ?? ''}", and this version of the operator knows only "${schemaVersion}"`);
	}

	if (mark !== undefined && mark !== 'quarantine') {
		throw new LedgerFormatError(`the annotation ${ledgerAnnotations.mark} is "${mark}", which this version of the operator does not know`);
	}

	if (!Number.isInteger(blockSize) || blockSize < 1 || blockSize > highestPort + 1) {
		throw new LedgerFormatError(`block-size is "${data?.['block-size'] ?? ''}", not a whole number from 1 to ${highestPort + 1}`);
	}

	const stray = pages.find(first => !/^\d{1,5}$/.test(first) || Number(first) > highestPort || Number(first) % blockSize !== 0);
	if (stray !== undefined) {
		throw new LedgerFormatError(`pages names "${stray}", not the first port of a block of ${blockSize}`);
	}

	return {
		uid: metadata.uid,
		resourceVersion: metadata.resourceVersion,
		blockSize,
		pages: pages.map(Number).toSorted((a, b) => a - b),
		quarantined: mark === 'quarantine',
	};
};

/** The `data` of an index with these pages, as people read it. */
export const indexData = (blockSize: number, pages: readonly number[]) => ({
	'block-size': String(blockSize),
	pages: [...new Set(pages)].toSorted((a, b) => a - b).join(' '),
});
