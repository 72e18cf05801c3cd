import test from 'ava';
import {testContract} from './api-contract.ts';
import {ApiServer} from '../../../harness/in-memory-api/api-server.ts';
import type {WatchedEvent} from '../../../harness/in-memory-api/watch.ts';
import {seededRandom} from '../../helpers/seeded-random.ts';

const server = new ApiServer({now: () => 0, random: seededRandom(1)});

testContract(test, () => ({
	send: async request => server.handle(request),
	async watch(path, _timeoutSeconds, meanwhile) {
		const events: WatchedEvent[] = [];
		const stop = server.watch({path}, event => events.push(event));
		await meanwhile?.();
		stop();
		return events;
	},
	async closeQuota(namespace) {
		server.closeQuota(namespace);
	},
}));
