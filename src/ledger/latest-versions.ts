/**
 * The latest version of each object of the ledger that this replica has seen, by its reads, its commits and its watch. An
 * object that comes back in an earlier state was replaced by a copy.
 */
import {isLater, isRolledBack} from '../ports/ledger-origin.ts';
import type {LedgerVersion} from '../ports/ledger-origin.ts';

export class LatestVersions {
	/** By the object's name. */
	readonly #latest = new Map<string, LedgerVersion>();

	of(name: string): LedgerVersion | undefined {
		return this.#latest.get(name);
	}

	/**
	 * Notes a version that was read or written.
	 *
	 * @param knownBefore what `of` returned before a read was sent to etcd. Undefined for a version that may be old: an event, or
	 * a read from the watch cache.
	 * @returns whether it is an earlier state of the object.
	 */
	note(name: string, version: LedgerVersion, knownBefore?: LedgerVersion): boolean {
		const latest = this.#latest.get(name);
		if (isRolledBack(version, knownBefore, true) || isRolledBack(version, latest, false)) {
			return true;
		}

		const isLatest = latest?.uid === version.uid
			? latest.commits <= version.commits
			// Another object of that name. An event of a deleted one may come late; after a restore of etcd, versions start again.
			: latest === knownBefore || isLater(version, latest!);
		if (isLatest) {
			const {uid, resourceVersion, commits} = version;
			this.#latest.set(name, {uid, resourceVersion, commits});
		}

		return false;
	}
}
