/** Injects the faults of a run: into replicas, the ledger and the API server's history. The network has its own, see `replica-network.ts`. */
import type {Change} from '../../../harness/in-memory-api/object-store.ts';
import {firstPortOf, isMarked, isPage} from '../checks/stored-ledger.ts';
import type {SimulatedReplica} from '../world/simulated-replica.ts';
import type {World} from '../world/world.ts';
import type {ManualEdits} from './manual-edits.ts';

export class FaultInjector {
	readonly #world: World;
	readonly #manualEdits: ManualEdits;

	constructor(world: World, manualEdits: ManualEdits) {
		this.#world = world;
		this.#manualEdits = manualEdits;
	}

	/** Schedules the faults that come at random times. */
	schedule(): void {
		const {random, scheduler, spanMs, faults, server} = this.#world;
		server.longestPage = random.chance(faults.shortPages) ? random.integer(2, 20) : Infinity;
		const scheduledFaults: ReadonlyArray<readonly [times: number, action: () => void]> = [
			[faults.crashes, () => this.#crash()],
			[faults.pauses, () => this.#pause()],
			[faults.restarts, () => this.#restart()],
			[faults.compactions, () => server.compact()],
			[faults.leaseDeletions, () => this.#manualEdits.deleteLease()],
			[faults.leaseEdits, () => this.#manualEdits.editLease()],
			[faults.indexDeletions, () => this.#manualEdits.deleteIndex()],
			[faults.pageDeletions, () => this.#manualEdits.deletePage()],
			[faults.pageEdits, () => this.#manualEdits.editPage()],
			[faults.ledgerDeletions, () => this.#manualEdits.deleteLedger()],
			[faults.failingPages, () => this.#failPage()],
			[faults.ledgerCopies, () => this.#putBackLater()],
			[faults.coldCopies, () => this.#putBackCold()],
		];
		for (const [times, action] of scheduledFaults) {
			const count = Math.floor(times) + (random.chance(times % 1) ? 1 : 0);
			for (let index = 0; index < count; index++) {
				scheduler.at(random.between(1000, spanMs), action);
			}
		}
	}

	/** Faults that must hit just after a certain write. */
	afterWrite({kind, type, before, after, by}: Change): void {
		const {random, scheduler, faults} = this.#world;
		if (kind === 'Lease' && after?.metadata.name === 'hostport-ledger' && random.chance(faults.leaseVanishes)) {
			scheduler.after(random.between(0, 10), () => this.#manualEdits.deleteLedgerLease());
		}

		if (kind !== 'ConfigMap' || !after || !isPage(after)) {
			return;
		}

		if ((type === 'ADDED' || (isMarked(before!) && !isMarked(after))) && random.chance(faults.makerDies)) {
			const maker = [...this.#world.replicas].find(({name}) => name === by);
			scheduler.after(random.logarithmic(0.3, 20), () => this.#crash(maker));
		}

		if (type === 'MODIFIED' && random.chance(faults.pageVanishes)) {
			scheduler.after(random.logarithmic(1, 1000), () => this.#manualEdits.deletePage(after));
		}
	}

	#crash(wanted?: SimulatedReplica): void {
		const {random, scheduler} = this.#world;
		const all = !wanted && random.chance(0.15);
		for (const replica of all ? [...this.#world.replicas] : [wanted ?? random.pick([...this.#world.replicas])]) {
			if (replica && !replica.process.isDead) {
				this.#world.kill(replica);
				scheduler.after(random.logarithmic(50, 10_000), () => this.#world.startReplica());
			}
		}
	}

	#failPage(): void {
		const {random, scheduler, eventLog, failingPages, failedAt} = this.#world;
		const [first] = [...this.#world.server.all('ConfigMap')].map(page => firstPortOf(page)).filter(first => first !== undefined).toSorted(() => random.next() - 0.5);
		if (first !== undefined) {
			const fault = random.pick(['immutable', 'unwritable', 'unreadable'] as const);
			eventLog.write(`hostport-ledger-${first} is ${fault}`);
			failingPages.set(first, fault);
			failedAt.set(first, Infinity);
			scheduler.after(random.logarithmic(1000, 60_000), () => {
				failingPages.delete(first);
				failedAt.set(first, scheduler.now);
			});
		}
	}

	#putBackLater(): void {
		const {random, scheduler} = this.#world;
		const putBack = this.#manualEdits.copyLedger();
		scheduler.after(random.logarithmic(10, 60_000), () => putBack());
	}

	/**
	 * All replicas die, a copy is put back, and replicas start. A copy of the entries alone is put back after the hold time, when
	 * no admitted Pod is on its way: nothing shows to the replicas that starting Pods may be missing.
	 */
	#putBackCold(): void {
		const {random, scheduler, requestTimeoutMs} = this.#world;
		const isOfEntries = random.chance(0.3);
		const putBack = isOfEntries ? this.#manualEdits.copyEntries() : this.#manualEdits.copyLedger();
		scheduler.after(random.logarithmic(1000, 60_000), () => {
			const dead = [...this.#world.replicas];
			for (const replica of dead) {
				this.#world.kill(replica);
			}

			scheduler.after(isOfEntries ? 2 * requestTimeoutMs : random.logarithmic(10, 2 * requestTimeoutMs), () => {
				if (this.#world.replicas.size === 0) {
					putBack();
				}

				for (const _ of dead) {
					this.#world.startReplica();
				}
			});
		});
	}

	#pause(): void {
		const {random, scheduler, eventLog, requestTimeoutMs} = this.#world;
		const replica = random.pick([...this.#world.replicas]);
		if (replica) {
			eventLog.write(`${replica.name} is paused`);
			replica.process.pause();
			scheduler.after(random.logarithmic(100, 2.5 * requestTimeoutMs), () => {
				eventLog.write(`${replica.name} goes on`);
				replica.process.resume();
			});
		}
	}

	/** One step of a rolling update: starts a replica, then stops another. */
	#restart(): void {
		const {random, scheduler} = this.#world;
		const replica = random.pick([...this.#world.replicas]);
		if (replica) {
			this.#world.startReplica();
			scheduler.after(random.between(100, 5000), () => {
				if (this.#world.replicas.has(replica)) {
					void replica.stop().then(() => this.#world.replicas.delete(replica));
				}
			});
		}
	}
}
