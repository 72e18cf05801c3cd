/**
 * The rules by which pages and index are opened (docs/adr/0002-quarantine.md), where two replicas make blocks of different
 * size. One port lies in a page of either size. Somebody deletes the index, replicas act on what they read a while ago, and
 * Pods that were answered are stored late. A tick is the longest that such a Pod can be on its way; the hold time is two.
 */
import type {Model, Step} from './explore.ts';

export type Rules = {
	/** Marked pages of another size lose their block before the hold time of an index begins. */
	readonly disown: boolean;
	/** A page is opened only while the index is open. */
	readonly onlyUnderOpenIndex: boolean;
	/** An index is begun with the size of the pages that are open. */
	readonly followOpenPages: boolean;
	/** How often the index is deleted. */
	readonly deletions: number;
};

type Size = 0 | 1;
/** `version` changes with every write, `born` is that of the creation, or of the change to another size. */
type Page = {readonly marked: boolean; readonly holder: number; readonly version: number; readonly born: number};
type Index = {readonly size: Size; readonly listed: boolean; readonly marked: boolean; readonly version: number; readonly born: number};
type Doing = 'nothing' | 'post index' | 'post page' | 'read index' | 'read page' | 'add to index' | 'read index again' | 'list Pods' | 'open page' | 'list pages' | 'change size' | 'disown';
/** A mark that is watched, by `born`, and for how many ticks. */
type Watch = readonly [born: number, ticks: number];

type Replica = {
	/** Of its release, for an index that it makes without having known one. */
	readonly own: Size;
	/** That of the index which it knows. */
	known: Size | null;
	doing: Doing;
	/** What it acts on: a size, and versions that it has read. */
	size: Size;
	page: number;
	index: number;
	/** Whether the index that it read was open, or named the page. */
	flag: boolean;
	/** The Pod that it found. */
	found: number;
	pageMark: Watch;
	indexMark: Watch;
};

type Pod = {state: 'none' | 'on its way' | 'live'; ticks: number};

type State = {
	versions: number;
	index: Index | null;
	pages: [Page | null, Page | null];
	replicas: Replica[];
	pods: Pod[];
	deletions: number;
	ticks: number;
};

const nobody = -1;
const holdTicks = 2;
const none: Watch = [0, -1];
const rest = {doing: 'nothing', size: 0, page: 0, index: 0, flag: false, found: nobody} as const;

/** The first replica has just brought a page into an open index, and is about to open it; the other has just started. */
const start = (deletions: number): State => ({
	versions: 3,
	index: {size: 0, listed: true, marked: false, version: 2, born: 2},
	pages: [{marked: true, holder: nobody, version: 1, born: 1}, null],
	replicas: [
		{...rest, doing: 'list Pods', page: 1, own: 0, known: 0, pageMark: none, indexMark: none},
		{...rest, own: 1, known: null, pageMark: none, indexMark: none},
	],
	pods: [{state: 'none', ticks: 0}, {state: 'none', ticks: 0}],
	deletions,
	ticks: 4,
});

export const blockSizes = (rules: Rules): Model<State> => ({
	start: start(rules.deletions),
	isBad: ({pods}) => pods.every(({state}) => state === 'live'),
	next(state) {
		const steps: Array<Step<State>> = [];
		const may = (label: string, change: (after: State) => void) => {
			const after = copyOf(state);
			change(after);
			steps.push([label, withoutOldVersions(after)]);
		};

		podsGoOn(state, may);
		for (const [number] of state.replicas.entries()) {
			replicaGoesOn(state, number, rules, (label, change) => may(`${label} (${number})`, change));
		}

		return steps;
	},
});

type May = (label: string, change: (after: State) => void) => void;

const podsGoOn = (state: State, may: May): void => {
	for (const [number, {state: now}] of state.pods.entries()) {
		const isNext = now === 'none' && (number === 0 || state.pods[number - 1]!.state !== 'none');
		for (const size of isNext ? [0, 1] as const : []) {
			const page = state.pages[size];
			if (page && !page.marked && page.holder === nobody && state.replicas.some(({known}) => known === size)) {
				may(`Pod ${number} is given the port of page ${size}`, after => {
					after.pages[size] = {...page, holder: number, version: after.versions++};
					after.pods[number] = {state: 'on its way', ticks: 1};
				});
			}
		}

		if (now === 'on its way') {
			may(`Pod ${number} is stored`, after => {
				after.pods[number] = {state: 'live', ticks: 0};
			});
		}
	}

	if (state.index && state.deletions > 0) {
		may('the index is deleted', after => {
			after.deletions--;
			after.index = null;
		});
	}

	if (state.ticks > 0 && !state.pods.some(pod => pod.state === 'on its way' && pod.ticks === 0)) {
		may('time passes', after => {
			after.ticks--;
			for (const pod of after.pods) {
				pod.ticks = Math.max(0, pod.ticks - 1);
			}

			for (const replica of after.replicas) {
				replica.pageMark = aged(replica.pageMark);
				replica.indexMark = aged(replica.indexMark);
			}
		});
	}
};

const replicaGoesOn = (state: State, number: number, rules: Rules, may: May): void => {
	const {index, pages} = state;
	const {doing, known, own, size, pageMark, indexMark, ...read} = state.replicas[number]!;
	const goOn = (after: State, change: Partial<Replica>) => Object.assign(after.replicas[number]!, change);
	const page = pages[size];
	const other: Size = size === 0 ? 1 : 0;
	const otherPage = pages[other];
	const live = state.pods.findIndex(pod => pod.state === 'live');
	const writeIndex = (after: State, change: Omit<Index, 'version'>) => {
		after.index = {...change, version: after.versions++};
	};

	switch (doing) {
		case 'nothing': {
			if (!index) {
				may('finds no index', after => {
					const open = pages.findIndex(candidate => candidate && !candidate.marked);
					const chosen = rules.followOpenPages && open !== -1 ? open as Size : known ?? own;
					goOn(after, {doing: 'post index', size: chosen, flag: pages[chosen] !== null});
				});
			} else if (known !== index.size) {
				may('learns the block size', after => goOn(after, {known: index.size, pageMark: none}));
			}

			if (index?.marked && indexMark[0] !== index.born) {
				may('sees a marked index', after => goOn(after, {doing: 'list pages', size: index.size, index: index.version, found: index.born}));
			} else if (index?.marked && indexMark[1] >= holdTicks) {
				may('opens the index', after => writeIndex(after, {...index, marked: false}));
			}

			const mine = known === null ? null : pages[known];
			if (known !== null && !mine) {
				may('misses a page', after => goOn(after, {doing: 'post page', size: known}));
			} else if (known !== null && mine?.marked && pageMark[0] !== mine.born) {
				may('sees a marked page', after => goOn(after, {pageMark: [mine.born, 0]}));
			} else if (known !== null && mine?.marked && pageMark[1] >= holdTicks) {
				may('reads the page that it watched', after => goOn(after, {doing: 'read index again', size: known, page: mine.version}));
			}

			return;
		}

		case 'post index': {
			return may('posts an index', after => {
				if (!index) {
					writeIndex(after, {size, listed: read.flag, marked: true, born: after.versions});
				}

				goOn(after, rest);
			});
		}

		case 'post page': {
			return may('posts a page', after => {
				if (!page) {
					after.pages[size] = {marked: true, holder: nobody, version: after.versions, born: after.versions};
					after.versions++;
				}

				goOn(after, {doing: 'read index'});
			});
		}

		case 'read index': {
			return may('reads the index', after => goOn(after, index?.size === size && !index.listed ? {doing: 'read page', index: index.version, flag: !index.marked} : rest));
		}

		case 'read page': {
			return may('reads the page', after => goOn(after, page ? {doing: 'add to index', page: page.version, flag: read.flag && page.marked} : rest));
		}

		case 'add to index': {
			return may('adds the page to the index', after => {
				const isAdded = index?.version === read.index;
				if (isAdded) {
					writeIndex(after, {...index, listed: true});
				}

				goOn(after, isAdded && read.flag ? {doing: 'list Pods', index: 0, flag: false} : rest);
			});
		}

		case 'read index again': {
			const mayOpen = index?.size === size && index.listed && (!rules.onlyUnderOpenIndex || !index.marked);
			return may('reads the index', after => goOn(after, mayOpen ? {doing: 'list Pods'} : rest));
		}

		case 'list Pods': {
			return may('lists Pods', after => goOn(after, {doing: 'open page', found: live}));
		}

		case 'open page': {
			return may('opens the page', after => {
				if (page?.version === read.page) {
					after.pages[size] = {...page, marked: false, holder: read.found, version: after.versions++};
				}

				goOn(after, rest);
			});
		}

		case 'list pages': {
			return may('lists pages', after => {
				if (otherPage && !otherPage.marked) {
					goOn(after, {doing: 'change size', found: nobody});
				} else if (otherPage && rules.disown) {
					goOn(after, {doing: 'disown', page: otherPage.version});
				} else {
					goOn(after, {...rest, indexMark: [read.found, 0]});
				}
			});
		}

		case 'change size': {
			return may('changes the block size', after => {
				if (index?.version === read.index) {
					writeIndex(after, {size: other, listed: otherPage !== null, marked: true, born: after.versions});
				}

				goOn(after, rest);
			});
		}

		case 'disown': {
			return may('takes its block from the other page', after => {
				const isDisowned = otherPage?.version === read.page;
				if (isDisowned) {
					after.pages[other] = {...otherPage, version: after.versions++};
				}

				goOn(after, {...rest, ...((isDisowned || !otherPage) && {indexMark: [read.found, 0]})});
			});
		}
	}
};

const aged = ([born, ticks]: Watch): Watch => [born, ticks < 0 ? ticks : Math.min(ticks + 1, holdTicks)];

const copyOf = (state: State): State => JSON.parse(JSON.stringify(state)) as State;

/** Versions matter only where somebody remembers them: counted anew, so that situations which are alike are one state. */
const withoutOldVersions = (state: State): State => {
	const numbers = new Map([[0, 0]]);
	const anew = (version: number): number => {
		const number = numbers.get(version) ?? numbers.size;
		numbers.set(version, number);
		return number;
	};

	const pages = state.pages.map(page => page && {...page, version: anew(page.version), born: anew(page.born)}) as State['pages'];
	const index = state.index && {...state.index, version: anew(state.index.version), born: anew(state.index.born)};
	const replicas = state.replicas.map(replica => ({
		...replica,
		page: anew(replica.page),
		index: anew(replica.index),
		found: replica.doing === 'list pages' || replica.doing === 'disown' ? anew(replica.found) : replica.found,
		pageMark: [anew(replica.pageMark[0]), replica.pageMark[1]] as const,
		indexMark: [anew(replica.indexMark[0]), replica.indexMark[1]] as const,
	}));
	return {...state, pages, index, replicas, versions: numbers.size};
};
