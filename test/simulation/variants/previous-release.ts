/**
 * A stand-in for the previous release: the same modules loaded a second time, with other constants and without the parts
 * that only save time. During a rolling update, replicas of both releases share one ledger. Both read it alike: a release
 * that changes the ledger's format writes another `hostport.io/schema-version`.
 */
import {registerHooks} from 'node:module';
import type {createReplica} from '../../../src/replica.ts';
import {withEdits} from './variant-loader.ts';
import type {Edit} from './variants.ts';

const source = new URL('../../../src/', import.meta.url).href;
const mark = '?before';

/** Loaded once: code checks errors by class, and the simulated network throws the classes of this copy. */
const shared = `${source}errors.ts`;

const edits: readonly Edit[] = [
	{file: 'batchWindow', replace: 'perPodMs = 4;', with: 'perPodMs = 0;'},
	{file: 'reservations', replace: 'turnMs = 60;', with: 'turnMs = 0;'},
	{file: 'newPages', replace: 'maximumAhead = 8;', with: 'maximumAhead = 1;'},
	{file: 'leaseState', replace: 'expectMs = 500;', with: 'expectMs = 0;'},
	{file: 'reconciler', replace: 'changeDelayMs = 30_000;', with: 'changeDelayMs = 15_000;'},
	{file: 'replica', replace: 'eager: true', with: 'eager: false'},
];

registerHooks({
	resolve(specifier, context, nextResolve) {
		const result = nextResolve(specifier, context);
		const isPrevious = context.parentURL?.endsWith(mark) && result.url.startsWith(source) && result.url !== shared;
		return isPrevious ? {...result, url: `${result.url}${mark}`} : result;
	},
	load(url, context, nextLoad) {
		const result = nextLoad(url, context);
		return url.endsWith(mark) ? withEdits('the previous release', result, url.slice(0, -mark.length), edits) : result;
	},
});

/** `createReplica` of the previous release. */
export const {createReplica: createPreviousReplica} = await import(`${source}replica.ts${mark}`) as {readonly createReplica: typeof createReplica};
