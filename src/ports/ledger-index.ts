/** The index: the ConfigMap `hostport-ledger`, which lists the pages. Pure. */
import {LedgerFormatError} from '../errors.ts';
import {ledgerAnnotations, schemaVersion} from './ledger-metadata.ts';
import type {ConfigMap} from './ledger-metadata.ts';
import {versionOf} from './ledger-origin.ts';
import type {LedgerVersion} from './ledger-origin.ts';
import {highestPort} from './port-range.ts';

export const indexName = 'hostport-ledger';

/** One version of the index. */
export type LedgerIndex = LedgerVersion & {
	/** First port numbers of all pages that have ever existed, ascending. */
	readonly pageStarts: readonly number[];
	/** Whether no page may be allocated from yet, because a replica may still work with an older index. */
	readonly quarantined: boolean;
	/** Whether it has no mark and no proof that it was opened, as an index that an earlier release has opened. */
	readonly isUnproven: boolean;
};

/**
 * Decodes the index as the API server has it.
 *
 * @throws {LedgerFormatError} when its version, mark or list of pages is not one that this version knows. Then nothing may be
 * allocated: two replicas that read the index differently would give a port twice.
 */
export const decodeIndex = ({metadata, data}: ConfigMap, blockSize: number): LedgerIndex => {
	const version = metadata.annotations?.[ledgerAnnotations.schemaVersion];
	const mark = metadata.annotations?.[ledgerAnnotations.mark];
	const pageStarts = (data?.['pages'] ?? '').split(/\s+/).filter(Boolean);
	if (version !== schemaVersion) {
		throw new LedgerFormatError(`the annotation ${ledgerAnnotations.schemaVersion} is "${version ?? ''}", and this version of the operator knows only "${schemaVersion}"`);
	}

	if (mark !== undefined && mark !== 'quarantine') {
		throw new LedgerFormatError(`the annotation ${ledgerAnnotations.mark} is "${mark}", which this version of the operator does not know`);
	}

	const stray = pageStarts.find(start => !/^\d{1,5}$/.test(start) || !isPageStart(Number(start), blockSize));
	if (stray !== undefined) {
		throw new LedgerFormatError(`pages names "${stray}", not the first port of a block of ${blockSize}`);
	}

	const ledgerVersion = versionOf(metadata);
	const {origin} = ledgerVersion;
	return {
		...ledgerVersion,
		pageStarts: pageStarts.map(Number).toSorted((a, b) => a - b),
		quarantined: mark === 'quarantine' || origin !== 'opened',
		isUnproven: mark === undefined && origin === 'unknown',
	};
};

/** The `data` of an index that lists these pages, as people read it. */
export const indexData = (pageStarts: readonly number[]) => ({
	pages: [...new Set(pageStarts)].toSorted((a, b) => a - b).join(' '),
});

/** The pages among ConfigMaps, by their names, because a person may have removed a label. */
export const pageStartsOf = (configMaps: ReadonlyArray<Pick<ConfigMap, 'metadata'>>, blockSize: number): number[] => configMaps
	.map(({metadata: {name}}) => /^hostport-ledger-(\d{1,5})$/.exec(name)?.[1])
	.filter(start => start !== undefined)
	.map(Number)
	.filter(start => isPageStart(start, blockSize));

const isPageStart = (port: number, blockSize: number): boolean => port <= highestPort && port % blockSize === 0;
