/** One run of the simulation, from its seed to its verdict. */
import {checkAgreement, settlingMs} from './checks/agreement.ts';
import type {Violation} from './checks/invariants.ts';
import {checkLock} from './checks/lock-handover.ts';
import {checkService} from './checks/service.ts';
import type {Theme} from './faults/themes.ts';
import {World} from './world/world.ts';

export type Run = {
	readonly seed: number;
	/** Its name; undefined for a run whose faults were chosen at random. */
	readonly theme: string | undefined;
	/** How many Pods the workload wanted. */
	readonly lifecycles: number;
	/** How many of these Pods were stored. */
	readonly stored: number;
	/** Only the first one: later ones are often its consequences. */
	readonly violation: Violation | undefined;
	/** Of all events: the same for each run of this seed. */
	readonly hash: string;
	readonly virtualMs: number;
};

/** How long the requests for the last Pods may meet faults before the faults end. */
const lastMs = 5000;

export type SimulateOptions = {
	/** Replaces the theme that the seed selects. */
	readonly theme?: Theme | undefined;
	/** Receives a line for every event. */
	readonly show?: (line: string) => void;
};

/** @throws when the simulation itself fails. A product that breaks a rule is a `violation` in the result. */
export const simulate = async (seed: number, {theme, show}: SimulateOptions = {}): Promise<Run> => {
	const world = new World({seed, theme, show});
	const {scheduler, violations, workload, eventLog} = world;
	let isOver = false;
	let problem: unknown;
	const end = () => {
		isOver = true;
	};

	world.start();
	history(world).then(end, (error: unknown) => {
		problem = error;
		end();
	});
	await scheduler.run(() => isOver || violations.length > 0);
	if (problem) {
		throw new Error(`the simulation itself failed at seed ${seed}`, {cause: problem});
	}

	return {seed, theme: world.theme?.name, lifecycles: workload.wanted, stored: workload.stored, violation: violations[0], hash: eventLog.hash, virtualMs: scheduler.now};
};

const history = async (world: World): Promise<void> => {
	const {scheduler, creation, invariants} = world;
	await scheduler.sleep(world.spanMs + lastMs);
	world.endFaults();
	await scheduler.sleep(settlingMs(world));
	if (creation.unanswered > 0) {
		invariants.violated('nothing hangs', `${creation.unanswered} requests have no answer`);
	}

	checkAgreement(world);
	await checkService(world);
	await checkLock(world);
};

/** The violation of a failed run, and the command that repeats the run. */
export const describeViolation = ({seed, theme, violation}: Run): string =>
	`seed ${seed}: ${violation?.invariant}: ${violation?.detail} (after ${((violation?.atMs ?? 0) / 1000).toFixed(3)} s)\nrepeat it with: npm run simulate -- --seed ${seed}${theme === undefined ? '' : ` --theme "${theme}"`}`;
