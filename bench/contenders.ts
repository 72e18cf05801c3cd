/** The contenders: no webhook, a webhook that computes nothing, and the product with some replicas. Only one runs at a time. */
import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {fileURLToPath} from 'node:url';
import {startBalancer} from '../harness/balancer.ts';
import {bundlePath} from '../scripts/build.ts';
import type {KubeClient} from '../harness/kube-client.ts';
import {podTemplate} from '../harness/pod-template.ts';
import {applyWebhook, webhookConfiguration} from '../harness/product-objects.ts';
import {install} from '../harness/replicas.ts';
import {until} from '../harness/control-plane/until.ts';
import {createCertificateAuthority} from '../harness/control-plane/certificates.ts';
import {startProcess} from '../harness/control-plane/process.ts';
import {patchBetween} from '../src/admission/patch.ts';
import {applyPorts} from '../src/admission/apply-ports.ts';
import {planPod} from '../src/admission/pod-plan.ts';
import type {Pod} from '../src/admission/pod.ts';
import type {AdmissionRequest} from '../src/admission/review.ts';
import {buildWith} from './changed-build.ts';
import type {ContenderSpec} from './contender-spec.ts';

export type Running = AsyncDisposable & {
	/** The webhook's processes. Empty without a webhook. */
	readonly pids: readonly number[];
};

export type Contender = {
	readonly name: string;
	readonly start: () => Promise<Running>;
};

export type Stage = {
	readonly client: KubeClient;
	/** The replicas' kubeconfig file. */
	readonly kubeconfig: string;
	readonly directory: string;
};

const noWebhook = (name: string): Contender => ({
	name,
	async start() {
		return {pids: [], async [Symbol.asyncDispose]() {}};
	},
});

const staticWebhook = ({client, directory}: Stage, name: string): Contender => ({
	name,
	async start() {
		const folder = path.join(directory, 'static-webhook');
		await mkdir(folder, {recursive: true});
		const authority = await createCertificateAuthority();
		const {certificatePem, keyPem} = await authority.issue({commonName: 'static', hosts: ['127.0.0.1'], usage: 'server'});
		const files = {cert: path.join(folder, 'tls.crt'), key: path.join(folder, 'tls.key'), patch: path.join(folder, 'patch.json')};
		await Promise.all([writeFile(files.cert, certificatePem), writeFile(files.key, keyPem), writeFile(files.patch, await patchForTemplate(client))]);
		const ready = Promise.withResolvers<number>();
		const child = await startProcess({
			name: 'static webhook',
			command: process.execPath,
			args: [fileURLToPath(new URL('static-webhook.ts', import.meta.url)), files.cert, files.key, files.patch],
			logFile: path.join(folder, 'log'),
			onLine: line => ready.resolve((JSON.parse(line) as {webhookPort: number}).webhookPort),
		});
		const port = await Promise.race([ready.promise, child.crashed]);
		const balancer = await startBalancer({targets: () => [{host: '127.0.0.1', port}]});
		await applyWebhook(client, balancer.port, authority.certificatePem);
		await untilPatched(client);
		return {
			pids: [child.pid],
			async [Symbol.asyncDispose]() {
				await client.send('DELETE', webhookConfiguration);
				await balancer.stop();
				await child.stop();
			},
		};
	},
});

const product = async ({client, kubeconfig, directory}: Stage, {name, replicas, flags, nodeFlags, affinity, settings}: ContenderSpec & {kind: 'product'}): Promise<Contender> => {
	const folder = path.join(directory, name.replaceAll(/[^\w-]+/g, '_'));
	await mkdir(folder, {recursive: true});
	const bundle = settings.size > 0 ? await buildWith(settings, path.join(folder, 'dist')) : bundlePath;
	return {
		name,
		async start() {
			const installation = await install({
				client,
				kubeconfig,
				directory: folder,
				replicas,
				flags: ['--port-range=1024-65535', ...flags],
				affinity,
				bundle,
				...(nodeFlags && {nodeFlags}),
			});
			await untilPatched(client);
			return {
				pids: installation.replicas().map(({process: {pid}}) => pid),
				[Symbol.asyncDispose]: installation.stop,
			};
		},
	};
};

/** Builds what the contender needs, and resolves when it can be started. */
export const contenderOf = async (stage: Stage, spec: ContenderSpec): Promise<Contender> => {
	if (spec.kind === 'product') {
		return product(stage, spec);
	}

	return spec.kind === 'static' ? staticWebhook(stage, spec.name) : noWebhook(spec.name);
};

const podsPath = '/api/v1/namespaces/bench/pods';

/** The product's patch for the load's Pod. The API server fills in the Pod's defaults first, as before a real review. */
const patchForTemplate = async (client: KubeClient): Promise<string> => {
	const pod = await client.request<Pod>('POST', `${podsPath}?dryRun=All`, podTemplate('burst'));
	const request: AdmissionRequest = {
		uid: 'static',
		kind: {group: '', version: 'v1', kind: 'Pod'},
		operation: 'CREATE',
		namespace: 'bench',
		name: '',
		dryRun: true,
		object: pod,
	};
	const plan = planPod(request, pod, [{first: 1024, last: 65_535}]);
	if (plan.kind === 'skip') {
		throw new Error(`the product would not give ports to the load's Pod: ${plan.reason}`);
	}

	return JSON.stringify(patchBetween(pod, applyPorts(pod, plan, plan.demand.numbers.map((_, index) => 30_558 + index))));
};

/** Waits until the API server calls the webhook: it notices a new configuration a moment later. */
const untilPatched = async (client: KubeClient): Promise<void> => {
	await until(async () => {
		const {body} = await client.send<{metadata?: {annotations?: Record<string, string>}}>('POST', `${podsPath}?dryRun=All`, podTemplate('probe'));
		if (!body.metadata?.annotations?.['hostport.io/allocated-grpc']) {
			throw new Error(`the API server answered ${JSON.stringify(body)}`);
		}

		return true;
	}, {what: 'the API server to call the webhook and get ports', budgetMs: 20_000});
};
