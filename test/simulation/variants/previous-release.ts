/**
 * The product as it was before: the same modules once more, with other constants and none of what was added for speed. While
 * an installation is updated, replicas of both share one ledger. What is in the ledger means the same to both, for a version
 * that changed that would write another `hostport.io/schema-version`.
 */
import {registerHooks} from 'node:module';
import type {createReplica} from '../../../src/replica.ts';
import {withEdits} from './variant-loader.ts';
import type {Edit} from './variants.ts';

const source = new URL('../../../src/', import.meta.url).href;
const mark = '?before';

/** Errors are told apart by their class, and the simulated network throws those of now. */
const shared = `${source}errors.ts`;

const edits: readonly Edit[] = [
	{file: 'ledgerIndex', replace: 'defaultBlockSize = 500', with: 'defaultBlockSize = 100'},
	{file: 'gathering', replace: 'perPodMs = 4;', with: 'perPodMs = 0;'},
	{file: 'reservations', replace: 'turnMs = 60;', with: 'turnMs = 0;'},
	{file: 'ledger', replace: 'mostAtOnce = 8;', with: 'mostAtOnce = 1;'},
	{file: 'leaseWork', replace: 'expectMs = 500;', with: 'expectMs = 0;'},
	{file: 'reconciler', replace: 'changePassMs = 30_000;', with: 'changePassMs = 15_000;'},
	{file: 'replica', replace: 'eager: true', with: 'eager: false'},
];

registerHooks({
	resolve(specifier, context, nextResolve) {
		const result = nextResolve(specifier, context);
		const isOfBefore = context.parentURL?.endsWith(mark) && result.url.startsWith(source) && result.url !== shared;
		return isOfBefore ? {...result, url: `${result.url}${mark}`} : result;
	},
	load(url, context, nextLoad) {
		const result = nextLoad(url, context);
		return url.endsWith(mark) ? withEdits('the version before', result, url.slice(0, -mark.length), edits) : result;
	},
});

/** `createReplica` of that version. */
export const {createReplica: createPreviousReplica} = await import(`${source}replica.ts${mark}`) as {readonly createReplica: typeof createReplica};
