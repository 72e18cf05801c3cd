/** Statistics of samples. */

/** The `q`-quantile by the nearest-rank method, for instance 0.99. NaN if there are no samples. */
export const quantile = (samples: readonly number[], q: number): number =>
	samples.toSorted((a, b) => a - b)[Math.max(Math.ceil(samples.length * q) - 1, 0)] ?? Number.NaN;

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

export const sum = (samples: readonly number[]): number => samples.reduce((total, sample) => total + sample, 0);
