/** One run of the simulation, from its seed to its verdict. */
import {checkAgreement, checkLock, checkService, settlingMs} from './checks/settled.ts';
import type {Violation} from './checks/invariants.ts';
import type {Theme} from './faults/themes.ts';
import {World} from './world/world.ts';

export type Run = {
	readonly seed: number;
	/** The name of that which the run had. */
	readonly theme: string | undefined;
	/** Pods that were asked for, from their creation to their end or that of the run. */
	readonly lifecycles: number;
	/** Of them, those that were stored. */
	readonly stored: number;
	/** Only the first: what follows from it says little. */
	readonly violation: Violation | undefined;
	/** The same for each run of this seed. */
	readonly hash: string;
	readonly virtualMs: number;
};

/** What is still under way a moment after the last Pod was asked for. */
const lastMs = 5000;

export type SimulateOptions = {
	/** In place of that which the seed has. */
	readonly theme?: Theme | undefined;
	/** Gets every line of what happens. */
	readonly show?: (line: string) => void;
};

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

	return {seed, theme: world.theme?.name, lifecycles: workload.asked, stored: workload.stored, violation: violations[0], hash: eventLog.hash, virtualMs: scheduler.now};
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

/** What to say about a run that has failed. */
export const describeViolation = ({seed, theme, violation}: Run): string =>
	`seed ${seed}: ${violation?.invariant}: ${violation?.detail} (after ${((violation?.atMs ?? 0) / 1000).toFixed(3)} s)\nreplay it with: npm run simulate -- --seed ${seed}${theme === undefined ? '' : ` --theme "${theme}"`}`;
