/** Certificates that live for seconds, under Pods that are created without a pause: nobody notices that they change. */
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {bundlePath} from '../../scripts/build.ts';
import {until} from '../../harness/control-plane/until.ts';
import {nodeFlags} from '../../scripts/node-flags.ts';
import {webhookConfiguration} from '../../harness/product-objects.ts';
import type {LogLine} from '../../harness/replica.ts';
import {decodeCertificates} from '../../src/certificates/certificate-set.ts';
import type {CertificateSet} from '../../src/certificates/certificate-set.ts';
import {makeCommand} from '../../src/certificates/make-in-child-process.ts';
import type {Order} from '../../src/certificates/order.ts';
import {certificateSecretName} from '../../src/certificates/secret.ts';
import type {CertificateSecretObject} from '../../src/certificates/secret.ts';
import type {WebhookConfiguration} from '../../src/certificates/webhook-configuration.ts';
import {useCluster} from './helpers/cluster.ts';
import {shakeHands} from './helpers/handshake.ts';
import {startLoad} from './helpers/load.ts';

/**
 * As short a life as the machine allows: certificates are made in half a second, unless it is slow or has much else to do,
 * and a third of a life must be enough for what is due. Of 20 s, one is renewed every 14 s, and the authority after 40 s.
 */
let lifetimeSeconds = 20;
const findLifetime = async (): Promise<readonly string[]> => {
	const startedAt = performance.now();
	const child = spawn(process.execPath, [...nodeFlags, bundlePath, makeCommand], {stdio: ['pipe', 'ignore', 'inherit']});
	child.stdin.end(JSON.stringify({now: Date.now(), authorityLifetimeMs: 1000, leaf: {hosts: ['localhost'], lifetimeMs: 1000}} satisfies Order));
	await once(child, 'close');
	lifetimeSeconds = Math.round(Math.min(Math.max(lifetimeSeconds, (performance.now() - startedAt) / 25), 120));
	return ['--certificate-lifetime', `${lifetimeSeconds}s`];
};

const cluster = useCluster(test, {workloads: false, replicas: 3, flags: findLifetime});

/** An authority lives for three certificates. */
const untilTrue = async <T>(ask: () => Promise<T | undefined | false>, what: string): Promise<T> => until(ask, {what, budgetMs: 4 * lifetimeSeconds * 1000});

const secretPath = `/api/v1/namespaces/operators/secrets/${certificateSecretName}`;

const heldNow = async (): Promise<CertificateSet> => {
	const {data} = await cluster().client.request<CertificateSecretObject>('GET', secretPath);
	return decodeCertificates(data);
};

const bundleNow = async (): Promise<string> => {
	const {webhooks = []} = await cluster().client.request<WebhookConfiguration>('GET', webhookConfiguration);
	return Buffer.from(webhooks[0]?.clientConfig.caBundle ?? '', 'base64').toString();
};

/** Until every replica serves with a certificate that this authority has signed. */
const untilServedBy = async (signer: CertificateSet['signer']): Promise<void> => {
	await untilTrue(async () => {
		const ca = await bundleNow();
		const shown = await Promise.all(cluster().installation.replicas().map(async ({webhookPort}) => shakeHands({port: webhookPort, ca})));
		return typeof signer === 'object' && shown.every(certificate => certificate.checkIssued(signer.certificate));
	}, 'every replica to follow');
};

/**
 * The API server keeps its connections, so that it sees few of the certificates. This one shakes hands anew each time, and
 * knows the caBundle of a second ago.
 */
const startHandshakes = () => {
	const serials = new Map<string, number>();
	const failures: string[] = [];
	const over = new AbortController();
	const work = async (): Promise<void> => {
		while (!over.signal.aborted) {
			const ca = await bundleNow();
			for (const until = performance.now() + 1000; performance.now() < until; await sleep(100)) {
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

/** The least that any replica's certificate had left of its life when the next one took its place, seconds. */
const closestCall = (logs: readonly LogLine[]): number => {
	const served = logs.filter(({msg}) => msg === 'serving with this certificate from now on');
	const left = [...Map.groupBy(served, ({identity}) => identity).values()].flatMap(lines =>
		lines.slice(1).map((line, index) => Date.parse(String(lines[index]!['until'])) - Date.parse(String(line['time']))));
	return Math.min(...left) / 1000;
};

test.serial('three renewals, the last of them by a new authority, and no call fails', async t => {
	t.timeout(10 * 60_000);
	const {client, createNamespace, logs} = cluster();
	await createNamespace('rotation');
	const load = startLoad({client, namespace: 'rotation', workers: 2, pauseMs: 60});
	const handshakes = startHandshakes();
	const serials = new Set<string>();
	const issuers = new Set<string>();
	await untilTrue(async () => {
		const {leaf} = await heldNow();
		if (typeof leaf === 'object') {
			serials.add(leaf.certificate.serialNumber);
			issuers.add(leaf.certificate.issuer);
		}

		return serials.size > 3 && issuers.size > 1;
	}, 'the certificates to change');
	await untilServedBy((await heldNow()).signer);
	await Promise.all([load.stop(), handshakes.stop()]);
	const shaken = [...handshakes.serials.values()].reduce((sum, count) => sum + count, 0);
	t.log(`${load.created()} Pods created and ${load.failures().length} failed, ${shaken} handshakes and ${handshakes.failures.length} failed, through ${serials.size} certificates of ${issuers.size} authorities that live for ${lifetimeSeconds} s and three times that; none was used to within ${closestCall(logs).toFixed(1)} s of its end`);
	t.deepEqual(load.failures(), []);
	t.deepEqual(handshakes.failures, []);
	t.true(load.created() > 50);
	t.true(handshakes.serials.size > 3);
});

test.serial('the Secret is deleted, and then filled with rubbish: it comes back, and no call fails', async t => {
	const {client, createNamespace, logs} = cluster();
	await createNamespace('no-secret');
	const begun = logs.length;
	const load = startLoad({client, namespace: 'no-secret', workers: 2, pauseMs: 60});
	const handshakes = startHandshakes();
	// What is served is fresh at this moment. So short a life leaves no time for a second new authority before the first has signed.
	for (const damage of [
		async () => client.request('DELETE', secretPath),
		async () => client.request('PATCH', secretPath, {data: {'ca.crt': btoa('rubbish'), 'tls.key': btoa('more of it')}}, 'application/merge-patch+json'),
	]) {
		await damage();
		await untilServedBy(await untilTrue(async () => {
			const {signer} = await heldNow();
			return typeof signer === 'object' ? signer : undefined;
		}, 'the Secret to be whole again'));
	}

	await Promise.all([load.stop(), handshakes.stop()]);
	t.log(`${load.created()} Pods created and ${load.failures().length} failed, ${handshakes.failures.length} handshakes failed`);
	t.deepEqual(load.failures(), []);
	t.deepEqual(handshakes.failures, []);
	const said = logs.slice(begun).map(({msg}) => msg);
	t.true(said.some(msg => msg.endsWith(': there is no such Secret')));
	t.true(said.some(msg => msg.endsWith(': its ca.crt holds no certificate of an authority')));
});

test.serial('the caBundle is emptied: it is written anew, and the log says what stood there', async t => {
	const {client, logs} = cluster();
	const begun = logs.length;
	await client.request('PATCH', webhookConfiguration, [{op: 'remove', path: '/webhooks/0/clientConfig/caBundle'}], 'application/json-patch+json');
	await untilTrue(async () => await bundleNow() !== '', 'the caBundle to come back');
	await untilTrue(async () => logs.slice(begun).some(({msg}) => /^the caBundle of .+ is empty: written anew/.test(msg)), 'the log to say so');
	t.pass();
});
