/** The command line. Exit codes: 0 done, 1 failed, 2 invalid flags, files or credentials. */
import {randomBytes} from 'node:crypto';
import {once} from 'node:events';
import process from 'node:process';
import {text} from 'node:stream/consumers';
import type {Logger} from 'pino';
import {makeCertificatesCommand} from './certificates/make-in-child-process.ts';
import type {CertificatesToMake} from './certificates/make-in-child-process.ts';
import {readConfig} from './config/read-config.ts';
import {renderUsage} from './config/usage.ts';
import {ConfigurationError} from './errors.ts';
import {createLogger} from './logger.ts';
import {startOperator} from './operator.ts';
import {version} from './version.ts';

const usage = `Host ports for annotated Pods, never the same one twice.

hostport-operator serve [flags]   run the webhook
hostport-operator version         print the version
hostport-operator help            print this help

Flags of serve. Each can also be set by an environment variable (HOSTPORT_WEBHOOK_PORT for --webhook-port):
${renderUsage()}`;

const serve = async (args: readonly string[]): Promise<void> => {
	const config = readConfig(args, process.env);
	const identity = `${config.identity}_${randomBytes(4).toString('hex')}`;
	const logger = await createLogger({level: config.logLevel, format: config.logFormat, identity});
	const stopSignal = abortOnStopSignals(logger);
	const operator = await startOperator(config, identity, logger, stopSignal).catch((error: unknown) => {
		if (!stopSignal.aborted) {
			throw error;
		}
	});
	if (!operator) {
		logger.info('stopped before it was ready');
		return;
	}

	if (!stopSignal.aborted) {
		await once(stopSignal, 'abort');
	}

	await operator.stop();
};

/** The first SIGTERM or SIGINT aborts the returned signal, the second exits at once. */
const abortOnStopSignals = (logger: Logger): AbortSignal => {
	const controller = new AbortController();
	for (const name of ['SIGTERM', 'SIGINT'] as const) {
		process.on(name, () => {
			if (controller.signal.aborted) {
				logger.warn(`${name} while stopping: exiting at once`);
				process.exit(1);
			}

			controller.abort(new Error(name));
		});
	}

	return controller.signal;
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

		case 'version':
		case '--version': {
			console.log(version);
			return;
		}

		case undefined:
		case 'help':
		case '--help':
		case '-h': {
			console.log(usage);
			return;
		}

		default: {
			throw new ConfigurationError(`"${command}" is not a command: use serve, version or help`);
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
