/** How many Pods the demo makes, and how long they may take. */

/** As deploy/samples has them. */
export const servers = 2;
export const fewWorkers = 3;

export const manyWorkers = 50;

/** Nodes may have to pull an image. */
export const runBudgetMs = 120_000;
