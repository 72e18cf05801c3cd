/** Sends messages to a webhook and collects each answer and reservation. */
import http from 'node:http';
import {send} from '../helpers/http.ts';
import type {Message} from './arbitrary-message.ts';
import type {Trace, Webhook} from './webhook.ts';

export type Outcome = Trace & {
	/** Undefined if the connection ended without an answer. */
	readonly answer: {readonly status: number; readonly body: string} | undefined;
};

export type WebhookClient = Disposable & {
	/** Sends one message at a time; each meets an empty ledger. */
	readonly send: (message: Message) => Promise<Outcome>;
};

/** Longer than the webhook's longest timeout. */
const answerTimeoutMs = 30_000;

export const connectTo = ({port, takeTrace}: Pick<Webhook, 'port' | 'takeTrace'>): WebhookClient => {
	const agent = new http.Agent({keepAlive: true});
	return {
		async send({body, contentType, query}) {
			const signal = AbortSignal.timeout(answerTimeoutMs);
			const answer = await send(port, {agent, method: 'POST', path: `/mutate-pods${query}`, headers: {'Content-Type': contentType}, body, signal}).catch(() => undefined);
			return {answer, ...await takeTrace()};
		},
		[Symbol.dispose]() {
			agent.destroy();
		},
	};
};
