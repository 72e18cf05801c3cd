/** Which blocks of numbers the pages own that are there, whatever an index says of them. Pure. */
import {ledgerAnnotations} from './ledger-metadata.ts';
import type {ConfigMap} from './ledger-metadata.ts';
import {highestPort} from './port-range.ts';

const pageNames = /^hostport-ledger-\d+$/;

/** A page's block, as the page's annotations tell it. */
export type Block = {
	/** Of the ConfigMap. */
	readonly name: string;
	readonly resourceVersion: string;
	readonly first: number;
	readonly size: number;
	/** Whether ports may be given from it, be it by a version that knows a mark which this one does not. */
	readonly isOpen: boolean;
};

/** The blocks of those ConfigMaps that are pages by their name, for a label is easily lost, and whose annotations name one that a page may own. */
export const blocksOf = (configMaps: readonly ConfigMap[]): Block[] => configMaps.flatMap(({metadata: {name, resourceVersion, annotations = {}}}) => {
	const {[ledgerAnnotations.ports]: ports = '', [ledgerAnnotations.mark]: mark} = annotations;
	const [first = 0, last = -1] = /^\d{1,5}-\d{1,5}$/.test(ports) ? ports.split('-').map(Number) : [];
	const size = last - first + 1;
	const isBlock = pageNames.test(name) && size > 0 && size <= highestPort + 1 && first <= highestPort && first % size === 0;
	return isBlock ? [{name, resourceVersion, first, size, isOpen: mark !== 'quarantine'}] : [];
});

/**
 * The block size for an index that is made of these pages: that of most pages which are open, if any are, for replicas that
 * know an older index may still give ports from these; else that of most pages; else `otherwise`.
 */
export const blockSizeOf = (blocks: readonly Block[], otherwise: number): number => {
	const bySize = Map.groupBy(blocks, ({size}) => size);
	const [size] = [...bySize].toSorted(([, a], [, b]) => openIn(b) - openIn(a) || b.length - a.length)[0] ?? [otherwise];
	return size;
};

/** First ports of the blocks of this size. */
export const firstsOf = (blocks: readonly Block[], size: number): number[] => blocks.filter(block => block.size === size).map(({first}) => first);

const openIn = (blocks: readonly Block[]): number => blocks.filter(({isOpen}) => isOpen).length;
