/** The command line. Exit codes: 0 done, 1 failed, 2 invalid flags, files or credentials. */
import {randomBytes} from 'node:crypto';
import process from 'node:process';
import {text} from 'node:stream/consumers';
import {makeCertificatesCommand} from './certificates/make-in-child-process.ts';
import type {CertificatesToMake} from './certificates/make-in-child-process.ts';
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
	const stopping = new AbortController();
	for (const signal of ['SIGTERM', 'SIGINT'] as const) {
		process.on(signal, () => {
			if (stopping.signal.aborted) {
				logger.warn(`second ${signal}: exiting without cleanup`);
				process.exit(1);
			}

			stopping.abort(new Error(signal));
		});
	}

	const operator = await startOperator(config, identity, logger, stopping.signal).catch((error: unknown) => {
		if (!stopping.signal.aborted) {
			throw error;
		}
	});
	if (!operator) {
		logger.info('stopped before it was ready');
		return;
	}

	await new Promise<void>(resolve => {
		if (stopping.signal.aborted) {
			resolve();
		}

		stopping.signal.addEventListener('abort', () => resolve(), {once: true});
	});
	await operator.stop();
};

const run = async ([command, ...args]: readonly string[]): Promise<void> => {
	switch (command) {
		case 'serve': {
			return serve(args);
		}

		// Hidden, run by `serve` as a child process: the X.509 library would keep 17 of a replica's 82 MB.
		case makeCertificatesCommand: {
			const {makeCertificates} = await import('./certificates/make.ts');
			const wanted = JSON.parse(await text(process.stdin)) as CertificatesToMake;
			process.stdout.write(JSON.stringify(await makeCertificates(wanted)));
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
	const isConfigurationError = error instanceof ConfigurationError;
	console.error(isConfigurationError ? `hostport-operator: ${error.message}` : error);
	process.exit(isConfigurationError ? 2 : 1);
}
