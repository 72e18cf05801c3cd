/** An API server that is reached over HTTPS, as the contract suite uses it. */
import type {Connection} from '../../../src/kubernetes/credentials.ts';
import {readText, sendRequest} from '../../../src/kubernetes/http-request.ts';
import type {ApiRequest} from '../../../harness/in-memory-api/answers.ts';
import type {WatchedEvent} from '../../../harness/in-memory-api/watch.ts';
import type {ApiUnderTest} from './api-contract.ts';

export const apiOverHttps = (connection: Connection): Pick<ApiUnderTest, 'send' | 'watch'> => ({
	async send({method, path, body, contentType = 'application/json', accept = 'application/json', fieldManager}: ApiRequest) {
		const response = await sendRequest(connection, {
			method,
			path: fieldManager === undefined ? path : `${path}${path.includes('?') ? '&' : '?'}fieldManager=${fieldManager}`,
			headers: {accept, ...(body !== undefined && {'content-type': contentType})},
			body,
			signal: AbortSignal.timeout(30_000),
		});
		return {status: response.statusCode ?? 0, body: JSON.parse(await readText(response)) as unknown};
	},
	async watch(path, timeoutSeconds, meanwhile) {
		const separator = path.includes('?') ? '&' : '?';
		const response = await sendRequest(connection, {
			method: 'GET',
			path: `${path}${separator}watch=true&timeoutSeconds=${timeoutSeconds}`,
			headers: {accept: 'application/json'},
			signal: AbortSignal.timeout(30_000),
		});
		const [text] = await Promise.all([readText(response), meanwhile?.()]);
		return text.split('\n').filter(Boolean).map(line => JSON.parse(line) as WatchedEvent);
	},
});
