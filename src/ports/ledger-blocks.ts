/** Which blocks of numbers the pages own that are there, whatever an index says of them. Pure. */
import {ledgerAnnotations} from './config-map.ts';
import type {ConfigMap} from './config-map.ts';

/** A page's block, as the page's annotations tell it. */
export type Block = {
	/** Of the ConfigMap. */
	readonly name: string;
	readonly resourceVersion: string;
	readonly first: number;
	readonly size: number;
	/** Whether ports may be given from it. */
	readonly isOpen: boolean;
};

/** The blocks of these pages, without those whose annotations name none that a page may own. */
export const blocksOf = (pages: readonly ConfigMap[]): Block[] => pages.flatMap(({metadata: {name, resourceVersion, annotations = {}}}) => {
	const {[ledgerAnnotations.ports]: ports = '', [ledgerAnnotations.mark]: mark} = annotations;
	const [first = 0, last = -1] = /^\d{1,5}-\d{1,5}$/.test(ports) ? ports.split('-').map(Number) : [];
	const size = last - first + 1;
	return size > 0 && first % size === 0 ? [{name, resourceVersion, first, size, isOpen: mark === undefined}] : [];
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
