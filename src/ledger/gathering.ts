/** When a commit is worth waiting for company. Pure. */

/** What was committed last. */
export type Group = {
	readonly pods: number;
	/** When that ended, on the caller's clock. */
	readonly endedAt: number;
};

/**
 * About what a commit costs: where Pods come faster than one in this time, it pays to let another join. Then each wait
 * makes the next group larger, up to the longest wait; where they come more slowly, groups stay small and nobody waits.
 */
const perPodMs = 4;

/** Bounds what waiting adds to an admission. */
const longestGatheringMs = 50;

/** After so long, the group before says nothing of now. */
const burstEndsAfterMs = 200;

/**
 * For how long the first of a group waits for others to join, in milliseconds. A Pod that comes alone waits for nobody.
 *
 * @param waiting Pods that are there already.
 * @param last the group before.
 */
export const gatheringMs = (waiting: number, last: Group | undefined, now: number): number => {
	const expected = Math.max(waiting, isBurst(last, now) ? last.pods : 0);
	return Math.min(Math.max(expected - 1, 0) * perPodMs, longestGatheringMs);
};

/** Whether more Pods are likely to come soon, because several came at once a moment ago. */
export const isBurst = (last: Group | undefined, now: number): last is Group =>
	last !== undefined && last.pods > 1 && now - last.endedAt < burstEndsAfterMs;
