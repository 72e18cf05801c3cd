/** The only source of randomness of a run, made from its seed. */
import {seededRandom} from '../../helpers/seeded-random.ts';

export class Random {
	/** Uniform in [0, 1). */
	readonly next: () => number;

	constructor(seed: number) {
		this.next = seededRandom(seed);
	}

	chance(probability: number): boolean {
		return this.next() < probability;
	}

	between(low: number, high: number): number {
		return low + this.next() * (high - low);
	}

	/** Both ends included. */
	integer(low: number, high: number): number {
		return Math.floor(this.between(low, high + 1));
	}

	pick<T>(list: readonly T[]): T {
		return list[Math.floor(this.next() * list.length)]!;
	}

	/** From `low` to `high`, with each order of magnitude equally likely: mostly small values, and a few large ones. */
	logarithmic(low: number, high: number): number {
		return low * (high / low) ** this.next();
	}
}
