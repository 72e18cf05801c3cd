/** How far a build is: packages compiled, of all that must be, and the time that is left. Pure. */

export type BuildProgress = {
	/** Packages that Go must compile because its cache does not have them. Undefined if Go could not tell. */
	readonly total: number | undefined;
	readonly compiled: number;
	readonly elapsedMs: number;
};

/** No time is estimated before this part is compiled: small packages come first. */
const minimumShare = 0.05;

/** `1204 of 2700 packages compiled (44 %), about 6 minutes left`. */
export const describeProgress = ({total, compiled, elapsedMs}: BuildProgress): string => {
	const elapsed = `${Math.round(elapsedMs / 1000)} s`;
	if (!total) {
		return `Still building (${compiled} packages compiled, ${elapsed})`;
	}

	if (compiled >= total) {
		return `All ${total} packages are compiled. Linking (${elapsed})`;
	}

	const share = compiled / total;
	const left = share < minimumShare ? '' : `, about ${describeDuration(elapsedMs / share - elapsedMs)} left`;
	return `${compiled} of ${total} packages compiled (${Math.floor(share * 100)} %)${left}`;
};

const describeDuration = (ms: number): string => {
	const minutes = Math.round(ms / 60_000);
	return minutes < 1 ? 'a minute' : (minutes === 1 ? '1 minute' : `${minutes} minutes`);
};
