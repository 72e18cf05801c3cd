/**
 * Keeps the webhook's certificates valid and the API server's caBundle in step with them. There is no leader: every replica
 * makes the same changes from what it reads. Writes are compare-and-swap, so one replica wins and the others read its result.
 */
import type {V1Secret} from '@kubernetes/client-node';
import type {Logger} from 'pino';
import type {Clock} from '../clock.ts';
import {ApiError, ConfigurationError} from '../errors.ts';
import type {ApiClient} from '../kubernetes/api-client.ts';
import {keepWatching, watchSeconds} from '../kubernetes/keep-watching.ts';
import type {Stored} from '../kubernetes/object.ts';
import type {Metrics} from '../metrics.ts';
import {retry} from '../retry.ts';
import {Wakeup} from '../wakeup.ts';
import {decodeCertificates, encodeBundle} from './certificate-set.ts';
import type {Authority, Leaf} from './certificate-set.ts';
import {createClockCheck, describeSkew} from './clock-check.ts';
import {certificateToServe, decideCertificates} from './decision.ts';
import type {CertificateChange, CertificateSituation, Lifetimes} from './decision.ts';
import {isMarked, otherInstallation} from './installation.ts';
import type {CertificatesToMake, MadeCertificates} from './make-in-child-process.ts';
import {CertificateSecret, certificateSecretName, makeSecretData} from './secret.ts';
import {describeBundle, hasBundle, hostsOf, readWebhookConfiguration, trustedBy, webhookConfigurationWatch, writeBundle} from './webhook-configuration.ts';

export type CertificateKeeperOptions = {
	readonly api: Pick<ApiClient, 'find' | 'create' | 'compareAndSwap' | 'watch' | 'clockSkewMs'>;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly metrics?: Pick<Metrics, 'clockSkew'>;
	readonly namespace: string;
	readonly serviceName: string;
	readonly configurationName: string;
	readonly lifetimes: Lifetimes;
	/** Uniform in [0, 1). */
	readonly random: () => number;
	readonly make: (wanted: CertificatesToMake, signal: AbortSignal) => Promise<MadeCertificates>;
	/** Called with each new certificate to serve. */
	readonly serve: (leaf: Leaf) => void;
};

/** Read everything again at least this often, or every 1/12 of a certificate's lifetime if that is shorter: watch events get lost. */
const longestRereadMs = 60_000;

/** The shortest pause after a pass that changed nothing. It bounds the writes if another controller also writes the caBundle. */
const shortestRestMs = 1000;

/** The pause before an ended watch starts again. */
const rewatchMs = 1000;

/** Making certificates takes 0.2 to 0.4 s on a free processor. */
const makeBudgetMs = 60_000;

export class CertificateKeeper {
	readonly #options: CertificateKeeperOptions;
	readonly #secret: CertificateSecret;
	readonly #wakeup: Wakeup;
	readonly #checkClock: (skewMs: number) => boolean;
	readonly #rereadMs: number;
	/** Random, so that one replica makes what is due and the others find it. */
	readonly #patienceMs: number;
	#served: Leaf | undefined;
	/** By the PEM of each authority in the caBundle: when this process first saw it there. */
	#firstSeenAt: ReadonlyMap<string, number> = new Map();

	constructor(options: CertificateKeeperOptions) {
		this.#options = options;
		this.#secret = new CertificateSecret(options.api, options.namespace);
		this.#wakeup = new Wakeup(options.clock);
		this.#checkClock = createClockCheck(options);
		this.#rereadMs = Math.min(longestRereadMs, options.lifetimes.leafMs / 12);
		this.#patienceMs = options.random() * this.#rereadMs;
	}

	/**
	 * Resolves once there is a certificate to serve, and its authority is in the caBundle if the webhook is configured.
	 *
	 * @throws the signal's reason if it is aborted first.
	 */
	async start(signal: AbortSignal): Promise<void> {
		await this.#settle(signal);
	}

	/** Keeps the certificates valid until the signal is aborted. Never rejects. */
	async run(signal: AbortSignal): Promise<void> {
		const watching = this.#watch(signal);
		try {
			for (;;) {
				const restMs = Math.min(await this.#settle(signal), this.#rereadMs);
				await this.#options.clock.sleep(shortestRestMs, signal);
				await this.#wakeup.wait(Math.max(restMs - shortestRestMs, 0), signal);
			}
		} catch (error) {
			if (!signal.aborted) {
				throw error;
			}
		}

		await watching;
	}

	/**
	 * Makes all changes that are due, and retries until that succeeds.
	 *
	 * @returns how long nothing will be due, milliseconds.
	 * @throws the signal's reason if it is aborted first.
	 */
	async #settle(signal: AbortSignal): Promise<number> {
		const {clock, logger, random} = this.#options;
		for (;;) {
			const restMs = await retry(async () => this.#passUnlessConflict(signal), {
				clock, random, signal,
				firstMs: 500,
				longestMs: 30_000,
				onFailure: error => logger.error({err: error}, explain(error)),
			});
			if (restMs !== undefined) {
				return restMs;
			}
		}
	}

	/** A pass that lost a compare-and-swap is like one that has written: the next pass reads again at once. */
	async #passUnlessConflict(signal: AbortSignal): Promise<number | undefined> {
		try {
			return await this.#pass(signal);
		} catch (error) {
			if (error instanceof ApiError && error.status === 409) {
				this.#options.logger.debug({err: error}, 'the webhook\'s Secret or configuration has changed meanwhile: reading it again');
				return undefined;
			}

			throw error;
		}
	}

	/**
	 * Reads everything and makes at most one change. The configuration is read before the Secret, so the Secret contains every
	 * authority that another replica has put into the caBundle, and none of them is removed from it.
	 *
	 * @returns how long nothing will be due, milliseconds; undefined if something was written.
	 */
	async #pass(signal: AbortSignal): Promise<number | undefined> {
		const {api, clock, configurationName, lifetimes, logger, namespace} = this.#options;
		const configuration = await readWebhookConfiguration(api, configurationName, signal);
		const other = configuration && otherInstallation(configuration, namespace);
		if (other !== undefined) {
			throw new ConfigurationError(other);
		}

		const trusted = configuration && trustedBy(configuration);
		this.#firstSeenAt = new Map(trusted?.map(({pem}) => [pem, this.#firstSeenAt.get(pem) ?? clock.now()]));
		const secret = await this.#secret.read(signal);
		const held = secret && decodeCertificates(secret.data);
		const situation: CertificateSituation = {
			held,
			served: this.#served,
			hosts: this.#hosts(configuration && hostsOf(configuration)),
			// Without a configuration there are no calls. A later one gets all authorities of the Secret.
			trusted: (trusted ?? held?.authorities ?? []).map(authority => ({authority, forMs: this.#trustedForMs(authority)})),
			now: clock.date().getTime(),
			isClockWrong: this.#checkClock(api.clockSkewMs),
			lifetimes,
			patienceMs: this.#patienceMs,
		};
		this.#serve(certificateToServe(situation));
		const decision = decideCertificates(situation);
		if (decision.action === 'leave to others') {
			if (!this.#served) {
				throw new Error(`${describeSkew(api.clockSkewMs)}, so this replica makes no certificate, and other replicas have not made one yet`);
			}
		} else if (decision.action !== 'keep') {
			await this.#carryOut(decision, secret, situation, signal);
			return undefined;
		}

		const authorities = typeof held?.signer === 'object' ? held.authorities : [];
		if (authorities.length > 0 && configuration && !(hasBundle(configuration, encodeBundle(authorities)) && isMarked(configuration))) {
			await writeBundle(api, configuration, encodeBundle(authorities), namespace, signal);
			logger.info(`the caBundle of the MutatingWebhookConfiguration ${configurationName} ${describeBundle(configuration)}: replaced by ${authorities.length === 1 ? 'the authority' : `the ${authorities.length} authorities`} of the Secret ${certificateSecretName}`);
			return undefined;
		}

		return decision.action === 'keep' ? decision.until - situation.now : this.#rereadMs;
	}

	#hosts(called: readonly string[] = []): string[] {
		const {serviceName, namespace} = this.#options;
		return [...new Set([`${serviceName}.${namespace}.svc`, ...called])];
	}

	#trustedForMs({pem}: Authority): number {
		const firstSeenAt = this.#firstSeenAt.get(pem);
		return firstSeenAt === undefined ? Infinity : this.#options.clock.now() - firstSeenAt;
	}

	#serve(leaf: Leaf | undefined): void {
		const {serve, logger} = this.#options;
		if (!leaf || leaf.keyPair.certificate === this.#served?.keyPair.certificate) {
			return;
		}

		serve(leaf);
		this.#served = leaf;
		logger.info({until: leaf.certificate.validToDate.toISOString(), hosts: leaf.certificate.subjectAltName, authority: leaf.issuer.certificate.subject}, 'serving a new certificate');
	}

	async #carryOut(decision: CertificateChange, secret: Stored<V1Secret> | undefined, situation: CertificateSituation, signal: AbortSignal): Promise<void> {
		const {clock, make, logger} = this.#options;
		const budget = AbortSignal.any([signal, clock.deadline(makeBudgetMs)]);
		await this.#secret.write(secret, await makeSecretData(decision, situation, async wanted => make(wanted, budget)), signal);
		logger.info(`${done[decision.action]} in the Secret ${certificateSecretName}: ${decision.because}`);
	}

	/** Any event of the configuration starts a pass. The Secret is not watched: no change of it is urgent. */
	async #watch(signal: AbortSignal): Promise<void> {
		const {api, clock, logger, configurationName} = this.#options;
		return keepWatching({
			clock,
			signal,
			restMs: rewatchMs,
			start: () => api.watch(webhookConfigurationWatch(configurationName), {signal, timeoutSeconds: watchSeconds, metadataOnly: true}),
			onEvent: () => this.#wakeup.notify(),
			onBroken: error => logger.debug({err: error}, 'the watch of the webhook configuration ended: starting it again'),
		});
	}
}

/** How the log names a change. */
const done = {
	'replace authority': 'made a new authority',
	'replace certificate': 'made a new certificate',
	'remove authorities': 'removed the earlier authorities',
} as const;

const explain = (error: unknown): string => error instanceof ConfigurationError ? error.message : error instanceof ApiError && error.status === 403
	? `the webhook's certificate can't be kept valid: ${error.message}. Grant this right to the operator's ServiceAccount, or provide a certificate with --tls-cert-file and --tls-private-key-file`
	: 'the webhook\'s certificate can\'t be kept valid: trying again';
