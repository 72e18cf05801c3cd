/** Certificates that live for seconds, while Pods are created without a pause: no call fails when they are renewed. */
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {setTimeout as sleep} from 'node:timers/promises';
import type {V1Secret} from '@kubernetes/client-node';
import test from 'ava';
import {bundlePath} from '../../scripts/build.ts';
import {until} from '../../harness/control-plane/until.ts';
import {nodeFlags} from '../../scripts/build/node-flags.ts';
import {webhookConfiguration} from '../../harness/product-objects.ts';
import type {LogLine} from '../../harness/replica.ts';
import {decodeCertificates} from '../../src/certificates/certificate-set.ts';
import type {CertificateSet} from '../../src/certificates/certificate-set.ts';
import {makeCertificatesCommand} from '../../src/certificates/make-in-child-process.ts';
import type {CertificatesToMake} from '../../src/certificates/make-in-child-process.ts';
import {certificateSecretName} from '../../src/certificates/secret.ts';
import type {WebhookConfiguration} from '../../src/certificates/webhook-configuration.ts';
import {useCluster} from './helpers/cluster.ts';
import {shakeHands} from './helpers/handshake.ts';
import {startLoad} from './helpers/load.ts';

/**
 * The lifetime of certificates, seconds. As short as the machine allows, so that several renewals fit into a test: a third of
 * it must be enough to make and spread a new certificate. With 20 s a certificate is renewed after 14 s, and the authority after 40 s.
 */
const findLifetime = async (): Promise<number> => {
	const startedAt = performance.now();
	const child = spawn(process.execPath, [...nodeFlags, bundlePath, makeCertificatesCommand], {stdio: ['pipe', 'ignore', 'inherit']});
	child.stdin.end(JSON.stringify({now: Date.now(), authorityLifetimeMs: 1000, leaf: {hosts: ['localhost'], lifetimeMs: 1000}} satisfies CertificatesToMake));
	await once(child, 'close');
	return Math.round(Math.min(Math.max(20, (performance.now() - startedAt) / 25), 120));
};

const cluster = useCluster(test, {
	workloads: false,
	replicas: 3,
	async prepare() {
		const lifetimeSeconds = await findLifetime();
		return {flags: ['--certificate-lifetime', `${lifetimeSeconds}s`], prepared: {lifetimeSeconds}};
	},
});

/** Waits for at most four lifetimes of a certificate: an authority lives for three. */
const untilRotated = async <T>(ask: () => Promise<T | undefined | false>, what: string): Promise<T> =>
	until(ask, {what, budgetMs: 4 * cluster().prepared.lifetimeSeconds * 1000});

const secretPath = `/api/v1/namespaces/operators/secrets/${certificateSecretName}`;

const storedCertificates = async (): Promise<CertificateSet> => {
	const {data} = await cluster().client.request<V1Secret>('GET', secretPath);
	return decodeCertificates(data);
};

const bundleNow = async (): Promise<string> => {
	const {webhooks = []} = await cluster().client.request<WebhookConfiguration>('GET', webhookConfiguration);
	return Buffer.from(webhooks[0]?.clientConfig.caBundle ?? '', 'base64').toString();
};

/** Resolves once every replica serves a certificate that this authority has signed. */
const untilServedBy = async (signer: CertificateSet['signer']): Promise<void> => {
	await untilRotated(async () => {
		const ca = await bundleNow();
		const shown = await Promise.all(cluster().installation.replicas().map(async ({webhookPort}) => shakeHands({port: webhookPort, ca})));
		return typeof signer === 'object' && shown.every(certificate => certificate.checkIssued(signer.certificate));
	}, 'every replica to follow');
};

/**
 * Makes a new TLS connection to each replica every 100 ms, with a caBundle up to a second old. The API server keeps its
 * connections, so that it sees few of the certificates.
 */
const startHandshakes = () => {
	const serials = new Map<string, number>();
	const failures: string[] = [];
	const over = new AbortController();
	const work = async (): Promise<void> => {
		while (!over.signal.aborted) {
			const ca = await bundleNow();
			for (const endsAt = performance.now() + 1000; performance.now() < endsAt; await sleep(100)) {
				for (const {name, webhookPort} of cluster().installation.replicas()) {
					try {
						const {serialNumber} = await shakeHands({port: webhookPort, ca});
						serials.set(serialNumber, (serials.get(serialNumber) ?? 0) + 1);
					} catch (error) {
						failures.push(`${new Date().toISOString()} ${name}: ${String(error)}`);
					}
				}
			}
		}
	};

	const working = work();
	return {
		serials,
		failures,
		stop: async () => {
			over.abort();
			await working;
		},
	};
};

/** How close to its end any certificate was served before the next one replaced it, seconds. */
const closestCall = (logs: readonly LogLine[]): number => {
	const served = logs.filter(({msg}) => msg === 'serving a new certificate');
	const left = [...Map.groupBy(served, ({identity}) => identity).values()].flatMap(lines =>
		lines.slice(1).map((line, index) => Date.parse(String(lines[index]!['until'])) - Date.parse(String(line['time']))));
	return Math.min(...left) / 1000;
};

test.serial('no call fails during three renewals, of which one is by a new authority', async t => {
	t.timeout(10 * 60_000);
	const {client, createNamespace, logs, prepared} = cluster();
	await createNamespace('rotation');
	const load = startLoad({client, namespace: 'rotation', workers: 2, pauseMs: 60});
	const handshakes = startHandshakes();
	const serials = new Set<string>();
	const issuers = new Set<string>();
	await untilRotated(async () => {
		const {leaf} = await storedCertificates();
		if (typeof leaf === 'object') {
			serials.add(leaf.certificate.serialNumber);
			issuers.add(leaf.certificate.issuer);
		}

		return serials.size > 3 && issuers.size > 1;
	}, 'the certificates to change');
	await untilServedBy((await storedCertificates()).signer);
	await Promise.all([load.stop(), handshakes.stop()]);
	const shaken = [...handshakes.serials.values()].reduce((sum, count) => sum + count, 0);
	t.log(`${load.created()} Pods created and ${load.failures().length} failed, ${shaken} handshakes and ${handshakes.failures.length} failed, through ${serials.size} certificates of ${issuers.size} authorities that live for ${prepared.lifetimeSeconds} s and three times that; none was used to within ${closestCall(logs).toFixed(1)} s of its end`);
	t.deepEqual(load.failures(), []);
	t.deepEqual(handshakes.failures, []);
	t.true(load.created() > 50);
	t.true(handshakes.serials.size > 3);
});

test.serial('no call fails while a deleted or damaged Secret is made again', async t => {
	const {client, createNamespace, logs} = cluster();
	await createNamespace('no-secret');
	const begun = logs.length;
	const load = startLoad({client, namespace: 'no-secret', workers: 2, pauseMs: 60});
	const handshakes = startHandshakes();
	// One after the other: with so short a lifetime a second new authority must not come before the first has signed.
	for (const damage of [
		async () => client.request('DELETE', secretPath),
		async () => client.request('PATCH', secretPath, {data: {'ca.crt': btoa('rubbish'), 'tls.key': btoa('more of it')}}, 'application/merge-patch+json'),
	]) {
		await damage();
		await untilServedBy(await untilRotated(async () => {
			const {signer} = await storedCertificates();
			return typeof signer === 'object' ? signer : undefined;
		}, 'the Secret to be whole again'));
	}

	await Promise.all([load.stop(), handshakes.stop()]);
	t.log(`${load.created()} Pods created and ${load.failures().length} failed, ${handshakes.failures.length} handshakes failed`);
	t.deepEqual(load.failures(), []);
	t.deepEqual(handshakes.failures, []);
	const messages = logs.slice(begun).map(({msg}) => msg);
	t.true(messages.some(msg => msg.endsWith(': there is no such Secret')));
	t.true(messages.some(msg => msg.endsWith(': its ca.crt contains no CA certificate')));
});

test.serial('an emptied caBundle is written again, and the log says so', async t => {
	const {client, logs} = cluster();
	const begun = logs.length;
	await client.request('PATCH', webhookConfiguration, [{op: 'remove', path: '/webhooks/0/clientConfig/caBundle'}], 'application/json-patch+json');
	await untilRotated(async () => await bundleNow() !== '', 'the caBundle to come back');
	await untilRotated(async () => logs.slice(begun).some(({msg}) => /^the caBundle of .+ is empty: replaced/.test(msg)), 'the log to say so');
	t.pass();
});
