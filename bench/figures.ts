/** Few words for many samples. */

/** The value below which the share `q` of the samples lies, by the nearest rank; NaN for none. */
export const quantile = (samples: readonly number[], q: number): number =>
	samples.toSorted((a, b) => a - b)[Math.max(Math.ceil(samples.length * q) - 1, 0)] ?? Number.NaN;

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

export const sum = (samples: readonly number[]): number => samples.reduce((total, sample) => total + sample, 0);
