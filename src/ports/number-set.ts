/**
 * A set of port numbers as bits in words of 32. A second level has one bit for each word that is not empty, so that the
 * search for the next number skips 1,024 missing numbers in one step and is as fast in a full range as in an empty one.
 */
import {highestPort, lowestPort} from './port-range.ts';

const wordBits = 32;
/** One more than the numbers need, for windows that begin in the last word. */
const wordCount = (highestPort + 1) / wordBits + 1;
const everyBit = 0xFF_FF_FF_FF;

export class NumberSet {
	readonly #words: Uint32Array;
	/** One bit for each word: whether it is not empty. */
	readonly #summary: Uint32Array;

	private constructor(words: Uint32Array, summary: Uint32Array) {
		this.#words = words;
		this.#summary = summary;
	}

	/** All port numbers. */
	static ofEveryPort(): NumberSet {
		const words = new Uint32Array(wordCount).fill(everyBit);
		words[wordCount - 1] = 0;
		const set = new NumberSet(words, new Uint32Array(Math.ceil(wordCount / wordBits)));
		set.#summarize(0, wordCount);
		set.delete(lowestPort - 1);
		return set;
	}

	copy(): NumberSet {
		return new NumberSet(this.#words.slice(), this.#summary.slice());
	}

	/** The numbers that are also in `other`. */
	intersection(other: NumberSet): NumberSet {
		const set = this.copy();
		for (let index = 0; index < wordCount; index++) {
			set.#words[index]! &= other.#words[index]!;
		}

		set.#summarize(0, wordCount);
		return set;
	}

	has(port: number): boolean {
		return Number.isInteger(port) && port >= 0 && port <= highestPort && (this.window(port) & 1) === 1;
	}

	delete(port: number): void {
		const index = port >>> 5;
		this.#words[index]! &= ~(1 << (port & 31));
		this.#summarize(index, index + 1);
	}

	/** Removes the numbers from `first` to `last`, which are port numbers. */
	deleteBetween(first: number, last: number): void {
		for (let port = first; port <= last;) {
			const index = port >>> 5;
			const end = Math.min(last, index * wordBits + wordBits - 1);
			this.#words[index]! &= ~((everyBit >>> (wordBits - 1 - (end - port))) << (port & 31));
			port = end + 1;
		}

		this.#summarize(first >>> 5, (last >>> 5) + 1);
	}

	/** Removes the numbers of a block. */
	deleteBlock({firstWord, words}: BlockBits): void {
		const end = Math.min(firstWord + words.length, wordCount);
		for (let index = firstWord; index < end; index++) {
			this.#words[index]! &= ~words[index - firstWord]!;
		}

		this.#summarize(firstWord, end);
	}

	/** Which of the numbers from `port` to `port + 31` are in the set, as bits; the lowest bit is `port`. */
	window(port: number): number {
		const index = port >>> 5;
		const offset = port & 31;
		const low = this.#words[index] ?? 0;
		return offset === 0 ? low | 0 : (low >>> offset) | ((this.#words[index + 1] ?? 0) << (wordBits - offset));
	}

	/** The lowest number in the set from `port` on; 65536 if there is none. */
	next(port: number): number {
		const here = this.#words[port >>> 5]! >>> (port & 31);
		if (here !== 0) {
			return port + lowestBit(here);
		}

		for (let word = (port >>> 5) + 1; word < wordCount;) {
			const filled = this.#summary[word >>> 5]! >>> (word & 31);
			if (filled !== 0) {
				const index = word + lowestBit(filled);
				return index * wordBits + lowestBit(this.#words[index]!);
			}

			word = ((word >>> 5) + 1) * wordBits;
		}

		return highestPort + 1;
	}

	/** How many numbers from `first` to `last` are in the set. */
	countBetween(first: number, last: number): number {
		let count = 0;
		for (let port = first; port <= last; port += wordBits) {
			count += bitCount(this.#windowUntil(port, last));
		}

		return count;
	}

	/** The number at this index among those from `first` to `last`; undefined if there are fewer. */
	at(index: number, first: number, last: number): number | undefined {
		let left = index;
		for (let port = first; port <= last; port += wordBits) {
			let bits = this.#windowUntil(port, last);
			const count = bitCount(bits);
			if (left < count) {
				for (; left > 0; left--) {
					bits &= bits - 1;
				}

				return port + lowestBit(bits);
			}

			left -= count;
		}

		return undefined;
	}

	#windowUntil(port: number, last: number): number {
		const bits = this.window(port);
		const length = last - port + 1;
		return length < wordBits ? bits & ((1 << length) - 1) : bits;
	}

	#summarize(from: number, to: number): void {
		for (let index = from; index < to; index++) {
			const bit = 1 << (index & 31);
			if (this.#words[index] === 0) {
				this.#summary[index >>> 5]! &= ~bit;
			} else {
				this.#summary[index >>> 5]! |= bit;
			}
		}
	}
}

/**
 * A set of numbers of one block: bit n of word w is the number `(firstWord + w) × 32 + n`.
 */
export type BlockBits = {
	readonly firstWord: number;
	readonly words: Uint32Array;
};

/** No number, in a block from `first` to `first + blockSize - 1`. */
export const emptyBlock = (first: number, blockSize: number): BlockBits => {
	const firstWord = first >>> 5;
	return {firstWord, words: new Uint32Array(((first + blockSize - 1) >>> 5) - firstWord + 1)};
};

export const copyOf = ({firstWord, words}: BlockBits): BlockBits => ({firstWord, words: words.slice()});

/** All numbers of such a block. */
export const fullBlock = (first: number, blockSize: number): BlockBits => {
	const block = emptyBlock(first, blockSize);
	for (let port = first; port < first + blockSize; port++) {
		setBit(block, port, true);
	}

	return block;
};

/** Adds a number to a block in place, or removes it. The block must contain it. */
export const setBit = ({firstWord, words}: BlockBits, port: number, isSet: boolean): void => {
	const index = (port >>> 5) - firstWord;
	const bit = 1 << (port & 31);
	words[index] = isSet ? words[index]! | bit : words[index]! & ~bit;
};

/** The index of the lowest bit that is set; -1 if none is. */
export const lowestBit = (bits: number): number => 31 - Math.clz32(bits & -bits);

/** How many bits are set (Warren, Hacker's Delight, section 5-1). */
const bitCount = (bits: number): number => {
	const pairs = bits - ((bits >>> 1) & 0x55_55_55_55);
	const fours = (pairs & 0x33_33_33_33) + ((pairs >>> 2) & 0x33_33_33_33);
	return Math.imul((fours + (fours >>> 4)) & 0x0F_0F_0F_0F, 0x01_01_01_01) >>> 24;
};
