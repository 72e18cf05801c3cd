/**
 * What this process knows of the Lease, and for how long it has known it. All ages are counted by its own monotonic clock
 * from when it saw something change: the times in the Lease are those of other clocks.
 */
import type {Clock} from '../clock.ts';
import {decodeLease} from './lease-record.ts';
import type {Lease, LeaseRecord} from './lease-record.ts';

export type LeaseViewOptions = {
	readonly clock: Pick<Clock, 'now'>;
	readonly identity: string;
	readonly durationMs: number;
	/** Is told that somebody else has, or may have, held the Lease since we did. */
	readonly onLost: (why: string) => void;
};

export class LeaseView {
	readonly #options: LeaseViewOptions;
	#record: LeaseRecord | undefined;
	/** When the current holder and renewTime were first seen, and when anything was last heard. */
	#observedAt = 0;
	#readAt = 0;
	/** When we became holder, and from when our own last write counts. */
	#heldSince = 0;
	#renewedAt = 0;
	/** Since when nobody else has held it, and how often it had changed hands when that was last known; undefined while somebody may hold it. */
	#soleHolderSince = 0;
	#aloneTransitions: number | undefined;

	constructor(options: LeaseViewOptions) {
		this.#options = options;
	}

	/** Undefined where there is no Lease, as far as is known. */
	get record(): LeaseRecord | undefined {
		return this.#record;
	}

	get isHeld(): boolean {
		return this.#record?.holder === this.#options.identity;
	}

	/** Means something only while it is held. */
	get heldSince(): number {
		return this.#heldSince;
	}

	/**
	 * Since when nobody else has held it, as far as is known, though we may have let it go and taken it again; now, while
	 * somebody may. Whoever takes it from what is known here has been alone since.
	 */
	get soleHolderSince(): number {
		return this.#aloneTransitions === undefined ? this.#options.clock.now() : this.#soleHolderSince;
	}

	/** How long nothing has been heard of it. */
	get silentForMs(): number {
		return this.#options.clock.now() - this.#readAt;
	}

	/** How long until we may take it from a holder who gives no sign of life: its whole duration after the last. */
	get expiresInMs(): number {
		return this.#record ? this.#observedAt + this.#record.durationMs - this.#options.clock.now() : Infinity;
	}

	/** How long until a third of its duration has passed since we renewed it. */
	get renewalInMs(): number {
		return this.#renewedAt + this.#options.durationMs / 3 - this.#options.clock.now();
	}

	/** How long until others may take it from us. */
	get overdueInMs(): number {
		return this.#renewedAt + this.#options.durationMs - this.#options.clock.now();
	}

	/** Notes that our own write, which was sent at `startedAt`, has gone through. */
	renewed(startedAt: number): void {
		this.#renewedAt = startedAt;
	}

	/** Takes an answer as the present state, unless a newer one has been heard of since it was asked for, when `known` was known. */
	adoptAnswer(lease: Lease | undefined, known: LeaseRecord | undefined): void {
		if (!lease) {
			this.#adopt(undefined);
		} else if (this.#record === known || this.#isNews(lease)) {
			this.#adopt(decodeLease(lease));
		}
	}

	/** What a watch says is a hint: it may be old, and then it is ignored. Returns whether it was news. */
	adoptHint(lease: Lease, isDeleted: boolean): boolean {
		const isNews = this.#isNews(lease);
		if (isNews) {
			this.#adopt(isDeleted ? undefined : decodeLease(lease));
		}

		return isNews;
	}

	#isNews({metadata}: Lease): boolean {
		return !this.#record || BigInt(metadata.resourceVersion) > BigInt(this.#record.resourceVersion);
	}

	#adopt(record: LeaseRecord | undefined): void {
		const {clock, identity, onLost} = this.#options;
		const previous = this.#record;
		this.#record = record;
		this.#readAt = clock.now();
		// A new line of waiters is no sign of life of the holder.
		if (record?.holder !== previous?.holder || record?.renewTime !== previous?.renewTime) {
			this.#observedAt = clock.now();
		}

		// Others may have held it in between, unseen: then the transitions tell.
		const isSameTenure = previous?.uid === record?.uid && previous?.holder === record?.holder && previous?.transitions === record?.transitions;
		if (previous?.holder === identity && !isSameTenure) {
			onLost(`${record?.holder ?? 'nobody'} holds it now`);
		}

		if (record?.holder === identity && !isSameTenure) {
			this.#heldSince = clock.now();
			this.#renewedAt = clock.now();
		}

		this.#noteWhoHadIt(previous, record);
	}

	#noteWhoHadIt(previous: LeaseRecord | undefined, record: LeaseRecord | undefined): void {
		const {clock, identity} = this.#options;
		const isOthers = !record || (record.holder !== undefined && record.holder !== identity);
		const known = this.#aloneTransitions;
		// Letting it go does not count as a transition; taking it does.
		const wasOnlyOurs = record !== undefined && known !== undefined && record.uid === previous?.uid
			&& (record.transitions === known || (record.holder === identity && record.transitions === known + 1));
		if (!isOthers && !wasOnlyOurs) {
			this.#soleHolderSince = clock.now();
		}

		this.#aloneTransitions = isOthers ? undefined : record.transitions;
	}
}
