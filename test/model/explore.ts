/** Explores every state of a model, breadth first, so that a trace it finds is a shortest one. */

/** A possible next step: its label, and the state after it. */
export type Step<S> = readonly [label: string, state: S];

export type Model<S> = {
	readonly start: S;
	readonly next: (state: S) => readonly Step<S>[];
	/** Whether a state must never be reached. */
	readonly isBad: (state: S) => boolean;
};

export type Search = {
	readonly states: number;
	/** The steps to a bad state; absent if no bad state can be reached. */
	readonly trace?: readonly string[];
};

/** States must be plain JSON: two with the same text are one state. */
export const explore = <S>({start, next, isBad}: Model<S>): Search => {
	const first = JSON.stringify(start);
	const cameFrom = new Map<string, readonly [from: string, label: string]>([[first, ['', 'start']]]);
	const queue = [first];
	for (const key of queue) {
		const state = JSON.parse(key) as S;
		if (isBad(state)) {
			const trace: string[] = [];
			for (let at = key; at !== first; at = cameFrom.get(at)![0]) {
				trace.unshift(cameFrom.get(at)![1]);
			}

			return {states: cameFrom.size, trace};
		}

		for (const [label, after] of next(state)) {
			const nextKey = JSON.stringify(after);
			if (!cameFrom.has(nextKey)) {
				cameFrom.set(nextKey, [key, label]);
				queue.push(nextKey);
			}
		}
	}

	return {states: cameFrom.size};
};
