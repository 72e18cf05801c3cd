/** What the webhook uses for TLS: a certificate from files or one that the operator makes, and the client CA if one is configured. */
import type {Logger} from 'pino';
import type {Clock} from '../clock.ts';
import type {Config} from '../config/options.ts';
import {ConfigurationError, messageOf} from '../errors.ts';
import type {ApiClient} from '../kubernetes/api-client.ts';
import type {Metrics} from '../metrics.ts';
import type {TlsOptions} from '../server/listener.ts';
import type {Leaf} from './certificate-set.ts';
import {lifetimesOf} from './decision.ts';
import {CertificateKeeper} from './keeper.ts';
import {makeInChildProcess} from './make-in-child-process.ts';
import {clientCaFile, servingFiles} from './tls-files.ts';
import type {TlsFiles} from './tls-files.ts';

export type TlsSource = {
	/**
	 * Resolves with the first TLS options once there is a certificate.
	 *
	 * @throws {ConfigurationError} if a file can't be used.
	 * @throws the signal's reason if it is aborted first.
	 */
	readonly start: (signal: AbortSignal) => Promise<TlsOptions>;
	/** Keeps them current until the signal is aborted: calls `onChange` with new ones. Never rejects. */
	readonly run: (onChange: (tls: TlsOptions) => void, signal: AbortSignal) => Promise<void>;
};

export type TlsSourceOptions = {
	readonly api: ApiClient;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly metrics: Pick<Metrics, 'certificateExpiry' | 'clockSkew'>;
};

export const createTlsSource = (config: Config, options: TlsSourceOptions): TlsSource => {
	let tls: TlsOptions = {certificate: '', key: ''};
	let onChange: ((tls: TlsOptions) => void) | undefined;
	const change = (part: Partial<TlsOptions>) => {
		const changed = {...tls, ...part};
		onChange?.(changed);
		tls = changed;
	};

	const serve = ({keyPair, notAfter}: Pick<Leaf, 'keyPair' | 'notAfter'>) => {
		change(keyPair);
		options.metrics.certificateExpiry.set(notAfter / 1000);
	};

	const parts = [
		servingPart(config, options, serve),
		...(config.clientCaFile ? [filesPart(clientCaFile(config.clientCaFile, options), clientCa => change({clientCa}))] : []),
	];
	return {
		async start(signal) {
			await Promise.all(parts.map(async part => part.start(signal)));
			return tls;
		},
		async run(callback, signal) {
			onChange = callback;
			await Promise.all(parts.map(async part => part.run(signal)));
		},
	};
};

/** A source of some of the TLS options. `start` resolves once it has set them. */
type Part = {
	readonly start: (signal: AbortSignal) => Promise<void>;
	readonly run: (signal: AbortSignal) => Promise<void>;
};

const servingPart = (config: Config, {api, clock, logger, metrics}: TlsSourceOptions, serve: (leaf: Pick<Leaf, 'keyPair' | 'notAfter'>) => void): Part => {
	const {tlsCertFile, tlsPrivateKeyFile, namespace, webhookServiceName, webhookConfigurationName, certificateLifetime} = config;
	if (tlsCertFile && tlsPrivateKeyFile) {
		return filesPart(servingFiles(tlsCertFile, tlsPrivateKeyFile, {clock, logger}), serve);
	}

	return new CertificateKeeper({
		api, clock, logger, metrics, namespace, serve,
		serviceName: webhookServiceName,
		configurationName: webhookConfigurationName,
		lifetimes: lifetimesOf(certificateLifetime),
		random: Math.random,
		make: makeInChildProcess,
	});
};

const filesPart = <T>({read, watch}: TlsFiles<T>, use: (value: T) => void): Part => ({
	async start() {
		try {
			use(await read());
		} catch (error) {
			throw new ConfigurationError(messageOf(error), {cause: error});
		}
	},
	run: async signal => watch(use, signal),
});
