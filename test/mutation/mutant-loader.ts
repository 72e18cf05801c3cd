/** Preloaded with `--import` by each process of a mutant's tests: loads one file of `src` with the mutant's change in it. */
import {registerHooks} from 'node:module';
import process from 'node:process';

const {url, start, end, replacement} = JSON.parse(process.env['HOSTPORT_MUTANT'] ?? '{}') as {readonly url: string; readonly start: number; readonly end: number; readonly replacement: string};

registerHooks({
	load(loading, context, nextLoad) {
		const loaded = nextLoad(loading, context);
		if (loading.split('?')[0] !== url) {
			return loaded;
		}

		const text = Buffer.from(loaded.source as Uint8Array).toString();
		return {...loaded, source: text.slice(0, start) + replacement + text.slice(end)};
	},
});
