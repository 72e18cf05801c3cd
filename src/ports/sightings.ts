/**
 * Since when a reconciler has seen each entry as it is. Ages count by its own monotonic clock, never by a time in the
 * ledger: a new leader counts from zero, which frees ports later and never earlier. Pure.
 */
import type {LedgerEntry} from './ledger-entry.ts';

/**
 * Equal sightings in two passes are of one uninterrupted state: only this reconciler makes these transitions, and a state that
 * it writes gets a new sighting (`withWritten`). A new claim means a new reservation.
 */
export type Sighting = {
	readonly claim: string | undefined;
	readonly state: LedgerEntry['state'];
	/** On the reconciler's monotonic clock, milliseconds. */
	readonly firstSeen: number;
};

/** By the key of the entry. */
export type Sightings = ReadonlyMap<string, Sighting>;

/** The earlier sighting of an entry that has not changed since, else a new one. */
export const sightingOf = (earlier: Sightings, key: string, {claim, state}: LedgerEntry, now: number): Sighting => {
	const sighting = earlier.get(key);
	return sighting && sighting.claim === claim && sighting.state === state ? sighting : {claim, state, firstSeen: now};
};

/** Adds entries just written, as seen `now`. Otherwise their hold time would start only with the next pass. */
export const withWritten = (sightings: Sightings, entries: ReadonlyArray<readonly [key: string, entry: LedgerEntry]>, now: number): Sightings =>
	new Map([...sightings, ...entries.map(([key, {claim, state}]) => [key, {claim, state, firstSeen: now}] as const)]);
