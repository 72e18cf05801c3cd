/** One watch as a stream of lines of JSON. */
import type {ServerResponse} from 'node:http';
import type {ApiRequest} from '../in-memory-api/answers.ts';
import {failure} from '../in-memory-api/answers.ts';
import type {ApiServer} from '../in-memory-api/api-server.ts';
import {tableOf, wantsTable} from './api/tables.ts';

/** As kube-apiserver's `--min-request-timeout`: how long a watch lasts at least, if the client names no time. */
const defaultWatchSeconds = 1800;

/** Streams events until the time is over, the client goes, or the version of the watch is too old. */
export const streamWatch = (server: ApiServer, request: Pick<ApiRequest, 'path' | 'accept'>, query: URLSearchParams, response: ServerResponse): void => {
	if (query.get('sendInitialEvents') === 'true') {
		const {status, body} = failure({status: 422, reason: 'Invalid', message: 'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled'});
		response.writeHead(status, {'content-type': 'application/json'}).end(JSON.stringify(body));
		return;
	}

	response.writeHead(200, {'content-type': 'application/json'});
	// The client's library waits for the headers.
	response.flushHeaders();
	const asTable = wantsTable(request);
	const stop = server.watch(request, ({type, object}) => {
		response.write(`${JSON.stringify({type, object: asTable ? tableOf(object, Date.now()) : object})}\n`);
		if (type === 'ERROR') {
			response.end();
		}
	});
	const timer = setTimeout(() => response.end(), Number(query.get('timeoutSeconds') ?? defaultWatchSeconds) * 1000);
	response.on('close', () => {
		clearTimeout(timer);
		stop();
	});
};
