/**
 * Keeps the webhook's certificates and the API server's trust in them. Every replica does the same from what it reads; a
 * write names the version that was read, so that of several one wins and the others read what it has written.
 */
import type {Logger} from 'pino';
import {decodeCertificates, encodeBundle} from './certificate-set.ts';
import type {Authority, CertificateSet, Leaf} from './certificate-set.ts';
import {certificateToServe, decideCertificates} from './decision.ts';
import type {CertificateDecision, CertificateSituation, Lifetimes} from './decision.ts';
import {newSecretData} from './new-data.ts';
import type {Made, Order} from './order.ts';
import {ApiError} from '../errors.ts';
import type {Metrics} from '../metrics.ts';
import type {ApiClient} from '../kubernetes/api-client.ts';
import {CertificateSecret, certificateSecretName} from './secret.ts';
import type {CertificateSecretObject} from './secret.ts';
import type {Clock} from '../clock.ts';
import {keepWatching, watchSeconds} from '../kubernetes/keep-watching.ts';
import {Wakeup} from '../wakeup.ts';
import {describeBundle, hasBundle, hostsOf, readWebhookConfiguration, trustedBy, webhookConfigurationWatch, writeBundle} from './webhook-configuration.ts';

export type CertificateKeeperOptions = {
	readonly api: Pick<ApiClient, 'find' | 'create' | 'compareAndSwap' | 'watch'>;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly namespace: string;
	readonly serviceName: string;
	readonly configurationName: string;
	readonly lifetimes: Lifetimes;
	/** Uniform in [0, 1). */
	readonly random: () => number;
	readonly make: (order: Order, signal: AbortSignal) => Promise<Made>;
	/** Is told of the certificate to serve with, each time that it is another one. */
	readonly serve: (leaf: Leaf) => void;
	readonly metrics: Pick<Metrics, 'certificateExpiry'>;
};

/** Hints get lost: everything is read again after this, or a twelfth of a certificate's life, a quarter of what is left when it is renewed. */
const longestRereadMs = 60_000;

/** A pass that has nothing to do is followed by so much rest: somebody else who also writes the caBundle must not make us write without end. */
const gatherMs = 1000;

const firstRetryMs = 500;
const lastRetryMs = 30_000;

const rewatchMs = 1000;

/** Making certificates takes a quarter of a second of a free processor. */
const makeBudgetMs = 60_000;

export class CertificateKeeper {
	readonly #options: CertificateKeeperOptions;
	readonly #secret: CertificateSecret;
	readonly #wakeup: Wakeup;
	readonly #rereadMs: number;
	/** Replicas are patient for different times, so that one makes what all of them need, and the others find it. */
	readonly #patienceMs: number;
	#served: Leaf | undefined;
	/** When each authority, by its PEM, was first seen in the caBundle; those that are no longer there are forgotten. */
	#trustedSince: ReadonlyMap<string, number> = new Map();
	#retryMs = firstRetryMs;

	constructor(options: CertificateKeeperOptions) {
		this.#options = options;
		this.#secret = new CertificateSecret(options.api, options.namespace);
		this.#wakeup = new Wakeup(options.clock);
		this.#rereadMs = Math.min(longestRereadMs, options.lifetimes.leafMs / 12);
		this.#patienceMs = options.random() * this.#rereadMs;
	}

	/**
	 * Resolves once there is a certificate to serve with and the API server has been told to trust it, or nobody calls.
	 *
	 * @throws the signal's reason, when it is aborted first.
	 */
	async open(signal: AbortSignal): Promise<void> {
		while (await this.#passOrPause(signal) === undefined) {
			signal.throwIfAborted();
		}
	}

	/** Keeps all of it current, until the signal is aborted. Never rejects. */
	async run(signal: AbortSignal): Promise<void> {
		const {clock} = this.#options;
		const watching = this.#watch(signal);
		while (!signal.aborted) {
			const restMs = await this.#passOrPause(signal);
			if (restMs !== undefined) {
				await clock.sleep(gatherMs, signal);
				await this.#wakeup.wait(Math.max(Math.min(restMs, this.#rereadMs) - gatherMs, 0), signal);
			}
		}

		await watching;
	}

	/** Undefined where it has to be done again. */
	async #passOrPause(signal: AbortSignal): Promise<number | undefined> {
		const {clock, logger} = this.#options;
		try {
			const restMs = await this.#pass(signal);
			this.#retryMs = firstRetryMs;
			return restMs;
		} catch (error) {
			if (error instanceof ApiError && error.status === 409) {
				logger.debug({err: error}, 'somebody else has changed the webhook\'s Secret or configuration: looking again');
			} else if (!signal.aborted) {
				logger.error({err: error}, explain(error));
				await clock.sleep(this.#retryMs, signal);
				this.#retryMs = Math.min(this.#retryMs * 2, lastRetryMs);
			}

			return undefined;
		}
	}

	/**
	 * Reads, and makes one change at most. The configuration is read first: the Secret is then at least as new as what
	 * somebody has put into the caBundle, and nobody's new authority is taken away again.
	 *
	 * @returns how long nothing needs to be done, milliseconds; undefined where something has been written.
	 */
	async #pass(signal: AbortSignal): Promise<number | undefined> {
		const {api, clock, configurationName, lifetimes, logger} = this.#options;
		const configuration = await readWebhookConfiguration(api, configurationName, signal);
		const trusted = configuration && trustedBy(configuration);
		this.#trustedSince = new Map(trusted?.map(({pem}) => [pem, this.#trustedSince.get(pem) ?? clock.now()]));
		const secret = await this.#secret.read(signal);
		const held = secret && decodeCertificates(secret.data);
		const situation: CertificateSituation = {
			held,
			served: this.#served,
			hosts: this.#hosts(configuration && hostsOf(configuration)),
			// Where there is no configuration, nobody calls: whatever the Secret holds will be trusted when there is one.
			trusted: (trusted ?? held?.authorities ?? []).map(authority => ({authority, forMs: this.#trustedForMs(authority)})),
			now: clock.date().getTime(),
			lifetimes,
			patienceMs: this.#patienceMs,
		};
		this.#serve(certificateToServe(situation));
		const decision = decideCertificates(situation);
		if (decision.action !== 'keep') {
			await this.#carryOut(decision, secret, situation, signal);
			return undefined;
		}

		const {authorities} = held as CertificateSet;
		if (configuration && !hasBundle(configuration, encodeBundle(authorities))) {
			await writeBundle(api, configuration, encodeBundle(authorities), signal);
			logger.info(`the caBundle of the MutatingWebhookConfiguration ${configurationName} ${describeBundle(configuration)}: written anew, with ${authorities.length === 1 ? 'the authority' : `the ${authorities.length} authorities`} of the Secret ${certificateSecretName}`);
			return undefined;
		}

		return decision.until - situation.now;
	}

	#hosts(called: readonly string[] = []): string[] {
		const {serviceName, namespace} = this.#options;
		return [...new Set([`${serviceName}.${namespace}.svc`, ...called])];
	}

	#trustedForMs({pem}: Authority): number {
		const since = this.#trustedSince.get(pem);
		return since === undefined ? Infinity : this.#options.clock.now() - since;
	}

	#serve(leaf: Leaf | undefined): void {
		const {serve, logger, metrics} = this.#options;
		if (!leaf || leaf.pair.certificate === this.#served?.pair.certificate) {
			return;
		}

		serve(leaf);
		this.#served = leaf;
		metrics.certificateExpiry.set(leaf.notAfter / 1000);
		logger.info({until: leaf.certificate.validToDate.toISOString(), hosts: leaf.certificate.subjectAltName, authority: leaf.issuer.certificate.subject}, 'serving with this certificate from now on');
	}

	async #carryOut(decision: Exclude<CertificateDecision, {action: 'keep'}>, secret: CertificateSecretObject | undefined, situation: CertificateSituation, signal: AbortSignal): Promise<void> {
		const {clock, make, logger} = this.#options;
		const budget = AbortSignal.any([signal, clock.deadline(makeBudgetMs)]);
		await this.#secret.write(secret, await newSecretData(decision, situation, async order => make(order, budget)), signal);
		logger.info(`${deeds[decision.action]} in the Secret ${certificateSecretName}: ${decision.because}`);
	}

	/** Whatever happens to the configuration, the next pass looks at everything. The Secret is in no such hurry. */
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

/** As the log tells them. */
const deeds = {
	'replace authority': 'made a new authority',
	'replace certificate': 'made a new certificate',
	'forget authorities': 'forgot the earlier authorities',
} as const;

const explain = (error: unknown): string => error instanceof ApiError && error.status === 403
	? `the webhook's certificate can't be looked after: ${error.message}. Give the operator's ServiceAccount this right, or a certificate of your own with --tls-cert-file and --tls-private-key-file`
	: 'the webhook\'s certificate can\'t be looked after: trying again';
