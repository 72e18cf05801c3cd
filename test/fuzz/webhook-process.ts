/** The webhook in a child process, so that a crash and the memory used are its own. The child runs this file too. */
import {fork} from 'node:child_process';
import {once} from 'node:events';
import process from 'node:process';
import {nodeFlags} from '../../scripts/build/node-flags.ts';
import {startWebhook} from './webhook.ts';
import type {Trace, Webhook} from './webhook.ts';

export type WebhookProcess = Webhook & {
	readonly pid: number;
	/** Rejects when the process ends without being told to. */
	readonly crashed: Promise<never>;
};

/** Uses a replica's flags for Node, so that the memory use is comparable. */
export const startWebhookProcess = async (): Promise<WebhookProcess> => {
	const child = fork(import.meta.filename, {execArgv: [...nodeFlags]});
	const crash = Promise.withResolvers<never>();
	crash.promise.catch(() => {});
	child.once('exit', (code, signal) => crash.reject(new Error(`the webhook's process has ended with ${signal ?? `exit code ${code}`}`)));
	const hear = async <Answer>(): Promise<Answer> => {
		const [answer] = await Promise.race([once(child, 'message') as Promise<[Answer]>, crash.promise]);
		return answer;
	};

	const port = await hear<number>();
	return {
		port,
		pid: child.pid!,
		crashed: crash.promise,
		async takeTrace() {
			const trace = hear<Trace>();
			child.send('take trace');
			return trace;
		},
		async [Symbol.asyncDispose]() {
			child.disconnect();
			await crash.promise.catch(() => {});
		},
	};
};

if (import.meta.main) {
	const webhook = await startWebhook();
	process.on('message', () => {
		void webhook.takeTrace().then(trace => process.send!(trace));
	});
	process.on('disconnect', () => process.exit());
	process.send!(webhook.port);
}
