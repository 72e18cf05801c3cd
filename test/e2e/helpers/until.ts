/** Waits of end-to-end tests. One budget for all: a minute and a half is enough on a slow machine, and passes soon enough in a failed test. */
import {until} from '../../../harness/control-plane/until.ts';

const budgetMs = 90_000;

/** Resolves with the first answer other than undefined and false. An attempt that throws counts as "not yet". */
export const untilFound = async <T>(ask: () => Promise<T | undefined | false>, what: string, intervalMs?: number): Promise<T> =>
	until(ask, {what, budgetMs, ...(intervalMs !== undefined && {intervalMs})});

/** Resolves once the condition holds. An attempt that throws counts as "not yet". */
export const untilTrue = async (isTrue: () => boolean | Promise<boolean>, what: string, intervalMs?: number): Promise<void> => {
	await untilFound(async () => isTrue(), what, intervalMs);
};
