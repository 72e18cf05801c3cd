/**
 * What this replica knows of the Lease and of the work under it. `LeaseLock` reports what happens, `decide` reads the flags.
 * Ages are measured on this process's own monotonic clock, from when it saw a change: the times in a Lease come from other clocks.
 */
import type {Clock} from '../clock.ts';
import type {Situation} from './lease-decision.ts';
import {decodeLease} from './lease-record.ts';
import type {Lease, LeaseRecord} from './lease-record.ts';
import {soleTenancyWith} from './sole-tenancy.ts';
import type {SoleTenancy} from './sole-tenancy.ts';

export type LeaseStateOptions = {
	readonly clock: Pick<Clock, 'now'>;
	readonly identity: string;
	readonly durationMs: number;
	readonly idleMs: number;
	readonly rereadMs: number;
};

/** How long a place in the queue is kept for expected work: about as long as every replica's turn together. */
const expectMs = 500;

/** Bounds a rest in which nothing is due. Any value would do: every event ends the rest. */
const longestRestMs = 60_000;

export class LeaseState implements Situation {
	/** A caller waits for the Lease. */
	isWanted = false;
	readonly #options: LeaseStateOptions;
	#record: LeaseRecord | undefined;
	/** When the present holder and renewTime were first seen. */
	#observedAt = 0;
	/** When the Lease was last read, written or reported by the watch. */
	#heardAt = 0;
	/** When this replica became the holder. */
	#heldSince = 0;
	/** When this replica sent its last write as the holder. */
	#renewedAt = 0;
	#isWorking = false;
	#loss: string | undefined;
	/** When work last ended. */
	#workEndedAt = -Infinity;
	/** The `#heldSince` of the tenure in which work last ended. */
	#workedInTenure = -1;
	#expectsMoreUntil = -Infinity;
	#soleTenancy: SoleTenancy | undefined;

	constructor(options: LeaseStateOptions) {
		this.#options = options;
	}

	/** The newest version known, undefined when there is no Lease. */
	get record(): LeaseRecord | undefined {
		return this.#record;
	}

	get identity(): string {
		return this.#options.identity;
	}

	get isHeld(): boolean {
		return this.#record?.holder === this.identity;
	}

	/** A caller waits for another replica to hand the Lease over. */
	get isWaiting(): boolean {
		return this.isWanted && !this.isHeld;
	}

	get isWorking(): boolean {
		return this.#isWorking;
	}

	get hasWorked(): boolean {
		return this.#workedInTenure === this.#heldSince;
	}

	get expectsMore(): boolean {
		return this.#now < this.#expectsMoreUntil;
	}

	get isRecentlyUsed(): boolean {
		return this.#now < this.#idleEndsAt;
	}

	get isExpired(): boolean {
		return this.#now >= this.#expiresAt;
	}

	get isRenewalDue(): boolean {
		return this.#now >= this.#renewalDueAt;
	}

	/** This replica has not renewed its Lease for the whole duration, so others may take it. */
	get isOverdue(): boolean {
		return this.isHeld && this.#now >= this.#overdueAt;
	}

	/** A caller waits, and nothing was heard of the Lease for `rereadMs`. */
	get isRereadDue(): boolean {
		return this.isWaiting && this.#now >= this.#rereadDueAt;
	}

	/** Why the work under way must stop. Undefined while it may go on, and without work. */
	get loss(): string | undefined {
		return this.#loss;
	}

	/**
	 * When another replica may last have held the Lease: what was read after it is current. The present time while another
	 * replica may hold it.
	 */
	get soleHolderSince(): number {
		return this.#soleTenancy?.since ?? this.#now;
	}

	/** How long until a flag may change without any event, in milliseconds. */
	get restMs(): number {
		if (this.isHeld) {
			return Math.max((this.#isWorking ? this.#renewalDueAt : this.#idleEndsAt) - this.#now, 1);
		}

		if (this.isWaiting) {
			return Math.max(Math.min(this.#expiresAt, this.#rereadDueAt) - this.#now, 1);
		}

		return this.expectsMore ? this.#expectsMoreUntil - this.#now : longestRestMs;
	}

	/** How long to wait for an answer from the API server, milliseconds. Normally the Lease duration; during work, only until the Lease counts as lost. */
	get patienceMs(): number {
		const mayWorkGoOn = this.isHeld && this.#isWorking && this.#loss === undefined;
		return mayWorkGoOn ? Math.max(this.#overdueAt - this.#now, 1) : this.#options.durationMs;
	}

	beginWork(): void {
		this.isWanted = false;
		this.#isWorking = true;
		this.#loss = undefined;
	}

	endWork(expectsMore: boolean): void {
		this.#isWorking = false;
		this.#loss = undefined;
		this.#workEndedAt = this.#now;
		this.#workedInTenure = this.#heldSince;
		this.#expectsMoreUntil = expectsMore ? this.#workEndedAt + expectMs : -Infinity;
	}

	/** No caller waits any more, and no work is expected. */
	close(): void {
		this.isWanted = false;
		this.#expectsMoreUntil = -Infinity;
	}

	/** The work under way must stop. Only the first reason counts. */
	lose(why: string): void {
		if (this.#isWorking) {
			this.#loss ??= why;
		}
	}

	/** A write as the holder, sent at `startedAt`, was accepted. */
	renewed(startedAt: number): void {
		this.#renewedAt = startedAt;
	}

	/** Adopts the answer to a request that was sent when `known` was the record, unless a newer version was seen since. */
	adoptAnswer(lease: Lease | undefined, known: LeaseRecord | undefined): void {
		if (!lease) {
			this.#adopt(undefined);
		} else if (this.#record === known || this.#isNewer(lease)) {
			this.#adopt(decodeLease(lease));
		}
	}

	/** Adopts what the watch reports, unless it is old. Returns whether it was adopted. */
	adoptEvent(lease: Lease, isDeleted: boolean): boolean {
		const isNewer = this.#isNewer(lease);
		if (isNewer) {
			this.#adopt(isDeleted ? undefined : decodeLease(lease));
		}

		return isNewer;
	}

	#isNewer({metadata}: Lease): boolean {
		return !this.#record || BigInt(metadata.resourceVersion) > BigInt(this.#record.resourceVersion);
	}

	#adopt(record: LeaseRecord | undefined): void {
		const previous = this.#record;
		this.#record = record;
		this.#heardAt = this.#now;
		// A change of the queue alone is no sign of life from the holder.
		if (record?.holder !== previous?.holder || record?.renewTime !== previous?.renewTime) {
			this.#observedAt = this.#now;
		}

		// Another replica may have held the Lease between two versions that this one saw: the transitions show it.
		const isSameTenure = previous?.uid === record?.uid && previous?.holder === record?.holder && previous?.transitions === record?.transitions;
		if (previous?.holder === this.identity && !isSameTenure) {
			this.lose(`${record?.holder ?? 'no replica'} holds it now`);
		}

		if (this.isHeld && !isSameTenure) {
			this.#heldSince = this.#now;
			this.#renewedAt = this.#now;
		}

		this.#soleTenancy = soleTenancyWith(this.#soleTenancy, record, this.identity, this.#now);
	}

	get #idleEndsAt(): number {
		return Math.max(this.#workEndedAt, this.#heldSince) + this.#options.idleMs;
	}

	get #expiresAt(): number {
		return this.#record ? this.#observedAt + this.#record.durationMs : Infinity;
	}

	get #renewalDueAt(): number {
		return this.#renewedAt + this.#options.durationMs / 3;
	}

	get #overdueAt(): number {
		return this.#renewedAt + this.#options.durationMs;
	}

	get #rereadDueAt(): number {
		return this.#heardAt + this.#options.rereadMs;
	}

	get #now(): number {
		return this.#options.clock.now();
	}
}
