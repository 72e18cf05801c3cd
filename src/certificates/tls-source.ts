/** What the webhook serves TLS with: files, or a certificate of the operator's own; and whose clients it serves. */
import type {Logger} from 'pino';
import {lifetimesOf} from './decision.ts';
import {makeElsewhere} from './make-in-child-process.ts';
import {clientAuthorityFile, servingFiles} from './tls-files.ts';
import type {TlsFiles} from './tls-files.ts';
import type {ApiClient} from '../kubernetes/api-client.ts';
import {CertificateKeeper} from './keeper.ts';
import type {Clock} from '../clock.ts';
import type {Config} from '../config/options.ts';
import {ConfigurationError, messageOf} from '../errors.ts';
import type {Metrics} from '../metrics.ts';
import type {TlsMaterial} from '../server/listener.ts';

export type TlsSource = {
	/**
	 * Resolves once there is something to serve with.
	 *
	 * @throws {ConfigurationError} when a file can't be used.
	 * @throws the signal's reason, when it is aborted first.
	 */
	readonly open: (signal: AbortSignal) => Promise<TlsMaterial>;
	/** Keeps it current, until the signal is aborted. Never rejects. */
	readonly run: (onChange: (tls: TlsMaterial) => void, signal: AbortSignal) => Promise<void>;
};

export type TlsSourceOptions = {
	readonly api: ApiClient;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly metrics: Pick<Metrics, 'certificateExpiry'>;
};

/** Brings a part of what is served, for the first time before `open` resolves. */
type Part = {
	readonly open: (signal: AbortSignal) => Promise<void>;
	readonly run: (signal: AbortSignal) => Promise<void>;
};

export const createTlsSource = (config: Config, options: TlsSourceOptions): TlsSource => {
	let material: TlsMaterial = {cert: '', key: ''};
	let onChange: ((tls: TlsMaterial) => void) | undefined;
	const set = (part: Partial<TlsMaterial>) => {
		const next = {...material, ...part};
		onChange?.(next);
		material = next;
	};

	const parts = [servingPart(config, options, set), ...(config.clientCaFile ? [clientPart(config.clientCaFile, options, set)] : [])];
	return {
		async open(signal) {
			await Promise.all(parts.map(async part => part.open(signal)));
			return material;
		},
		async run(tell, signal) {
			onChange = tell;
			await Promise.all(parts.map(async part => part.run(signal)));
		},
	};
};

type SetMaterial = (part: Partial<TlsMaterial>) => void;

const servingPart = (config: Config, {api, clock, logger, metrics}: TlsSourceOptions, set: SetMaterial): Part => {
	const {tlsCertFile, tlsPrivateKeyFile, namespace, webhookServiceName: serviceName, webhookConfigurationName: configurationName, certificateLifetime} = config;
	if (tlsCertFile && tlsPrivateKeyFile) {
		const files = servingFiles(tlsCertFile, tlsPrivateKeyFile, {sleep: clock.sleep, logger});
		return filesPart(files, ({cert, key, notAfter}) => {
			set({cert, key});
			metrics.certificateExpiry.set(notAfter / 1000);
		});
	}

	return new CertificateKeeper({
		api, clock, logger, namespace, serviceName, configurationName, metrics,
		lifetimes: lifetimesOf(certificateLifetime),
		random: Math.random,
		make: makeElsewhere,
		serve: ({pair: {certificate: cert, key}}) => set({cert, key}),
	});
};

const clientPart = (file: string, {clock, logger}: TlsSourceOptions, set: SetMaterial): Part =>
	filesPart(clientAuthorityFile(file, {sleep: clock.sleep, logger}), ca => set({ca}));

const filesPart = <T>({read, watch}: TlsFiles<T>, use: (value: T) => void): Part => ({
	async open() {
		try {
			use(await read());
		} catch (error) {
			throw new ConfigurationError(messageOf(error), {cause: error});
		}
	},
	run: async signal => watch(use, signal),
});
