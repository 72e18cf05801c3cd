/** Sends messages to a webhook, and sees what comes of each. */
import http from 'node:http';
import {send} from '../helpers/http.ts';
import type {Message} from './arbitrary-message.ts';
import type {Trace, Webhook} from './webhook.ts';

export type Outcome = Trace & {
	/** Undefined where the connection ended before an answer. */
	readonly answer: {readonly status: number; readonly body: string} | undefined;
};

export type Target = Disposable & {
	/** One message at a time, each with an empty ledger. */
	readonly send: (message: Message) => Promise<Outcome>;
};

/** Longer than any request may take. */
const patienceMs = 30_000;

export const aimAt = ({port, takeTrace}: Pick<Webhook, 'port' | 'takeTrace'>): Target => {
	const agent = new http.Agent({keepAlive: true});
	return {
		async send({body, contentType, query}) {
			const signal = AbortSignal.timeout(patienceMs);
			const answer = await send(port, {agent, method: 'POST', path: `/mutate-pods${query}`, headers: {'Content-Type': contentType}, body, signal}).catch(() => undefined);
			return {answer, ...await takeTrace()};
		},
		[Symbol.dispose]() {
			agent.destroy();
		},
	};
};
