/** A random source for tests that is the same in every run: numbers in [0, 1) by mulberry32. */
export const seededRandom = (seed: number) => (): number => {
	seed = (seed + 0x6D_2B_79_F5) % 2 ** 32;
	let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
	mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
	return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
};
