/** Numbers for Pods that must have consecutive ones, as for a program that listens on one port and counts up from it. Pure. */
import {withRun} from './free-numbers.ts';
import {withOrdinal} from './preferred-numbers.ts';
import {availableNumbers, isAvailable, startSearch, withNumbers} from './search.ts';
import type {Search} from './search.ts';

/**
 * One run for all numbers of the Pod: with a number that it has already, if the run around that is free; else by its ordinal,
 * else the first free run, for the strategy `Random` from a random number on. Undefined if there is none.
 *
 * @param preferred with the numbers that the Pod has already.
 * @param random uniform in [0, 1).
 */
export const withOneRun = (preferred: Search, random: () => number): Search | undefined => {
	const {space, demand} = preferred;
	const around = withRunAround(preferred);
	if (around) {
		return around;
	}

	const anew = withOrdinal(startSearch(space, demand));
	if (!anew.numbers.includes(undefined) || demand.strategy === 'Sequential') {
		return withRun(anew);
	}

	const from = demand.basePort + Math.floor(random() * (demand.maxPort - demand.basePort + 1));
	return withRun(anew, from) ?? withRun(anew);
};

const withRunAround = (preferred: Search): Search | undefined => {
	const {numbers, masks} = preferred;
	const starts = numbers.flatMap((number, index) => number === undefined ? [] : [number - index]);
	const start = starts.find(start => numbers.every((number, index) => number === start + index || isAvailable(preferred, start + index, masks[index]!)));
	return start === undefined ? undefined : withNumbers(preferred, numbers.map((_, index) => start + index));
};

/** The length of the longest run of numbers in the Pod's range that are free for all its protocols. */
export const longestRun = ({space, demand, masks}: Search): number => {
	const available = availableNumbers(startSearch(space, demand), masks.reduce((all, mask) => all | mask, 0));
	let longest = 0;
	for (let first = available.next(demand.basePort); first <= demand.maxPort;) {
		let end = first;
		while (end <= demand.maxPort && available.has(end)) {
			end += 1;
		}

		longest = Math.max(longest, end - first);
		first = available.next(Math.min(end, demand.maxPort + 1));
	}

	return longest;
};
