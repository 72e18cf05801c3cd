/** Arguments and environment → one command. Exit codes: 0 done, 1 failed, 2 asked for something impossible. */
import {randomBytes} from 'node:crypto';
import process from 'node:process';
import {text} from 'node:stream/consumers';
import {makeCommand} from './certificates/make-in-child-process.ts';
import type {Order} from './certificates/order.ts';
import {renderUsage} from './config/usage.ts';
import {readConfig} from './config/options.ts';
import {ConfigurationError} from './errors.ts';
import {createLogger} from './logger.ts';
import {startOperator} from './operator.ts';
import {version} from './version.ts';

const usage = `Host ports for annotated Pods, never the same one twice.

hostport-operator serve [flags]   run the webhook
hostport-operator version         print the version
hostport-operator help            print this

Flags of serve, each also an environment variable (HOSTPORT_WEBHOOK_PORT for --webhook-port):
${renderUsage()}`;

const serve = async (args: readonly string[]): Promise<void> => {
	const config = readConfig(args, process.env);
	const identity = `${config.identity}_${randomBytes(4).toString('hex')}`;
	const logger = await createLogger({level: config.logLevel, format: config.logFormat, identity});
	const told = new AbortController();
	for (const signal of ['SIGTERM', 'SIGINT'] as const) {
		process.on(signal, () => {
			if (told.signal.aborted) {
				logger.warn(`${signal} again: leaving at once`);
				process.exit(1);
			}

			told.abort(new Error(signal));
		});
	}

	const operator = await startOperator(config, identity, logger, told.signal).catch((error: unknown) => {
		if (!told.signal.aborted) {
			throw error;
		}
	});
	if (!operator) {
		logger.info('told to stop before it was ready');
		return;
	}

	await new Promise<void>(resolve => {
		if (told.signal.aborted) {
			resolve();
		}

		told.signal.addEventListener('abort', () => resolve(), {once: true});
	});
	await operator.stop();
};

const run = async ([command, ...args]: readonly string[]): Promise<void> => {
	switch (command) {
		case 'serve': {
			return serve(args);
		}

		// Not for people: see certificates/make-elsewhere.ts.
		case makeCommand: {
			const {makeCertificates} = await import('./certificates/make.ts');
			process.stdout.write(JSON.stringify(await makeCertificates(JSON.parse(await text(process.stdin)) as Order)));
			return;
		}

		case 'version': {
			console.log(version);
			return;
		}

		case 'help':
		case '--help':
		case '-h': {
			console.log(usage);
			return;
		}

		default: {
			throw new ConfigurationError(`"${command ?? ''}" is not a command: use serve, version or help`);
		}
	}
};

try {
	await run(process.argv.slice(2));
	process.exit(0);
} catch (error) {
	const isOurs = error instanceof ConfigurationError;
	console.error(isOurs ? `hostport-operator: ${error.message}` : error);
	process.exit(isOurs ? 2 : 1);
}
