/** Searches every state that a model can come to, breadth first, so that what it finds is a shortest way. */

/** What may happen next: a word for it, and the state after it. */
export type Step<S> = readonly [label: string, state: S];

export type Model<S> = {
	readonly start: S;
	readonly next: (state: S) => readonly Step<S>[];
	/** What must never be. */
	readonly isBad: (state: S) => boolean;
};

export type Search = {
	readonly states: number;
	/** The steps to a state that must never be; absent where there is none. */
	readonly trace?: readonly string[];
};

/** @param model whose states are plain JSON: two that are written alike are one. */
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
