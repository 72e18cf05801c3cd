/** What people watch, on a real API server: log lines can be joined with its audit log, and rules and dashboard find its series. */
import {execFile} from 'node:child_process';
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {promisify} from 'node:util';
import test from 'ava';
import {obtainBinaries} from '../../harness/control-plane/obtain.ts';
import {startControlPlane} from '../../harness/control-plane/start.ts';
import {createKubeClient} from '../../harness/kube-client.ts';
import {serviceAccount} from '../../harness/product-objects.ts';
import type {LogLine} from '../../harness/replica.ts';
import {install} from '../../harness/replicas.ts';
import {apiServerSeries, parseQuery, queries} from '../helpers/promql.ts';
import type {Selector} from '../helpers/promql.ts';
import {temporaryFolder} from '../helpers/temporary-folder.ts';
import {auditOf} from './helpers/audit.ts';
import {allowBuild} from './helpers/fixture.ts';
import {enabled, podsPath} from './helpers/pods.ts';
import {untilFound} from './helpers/until.ts';

const pod = (name: string, annotations: Record<string, string> = enabled) => ({
	apiVersion: 'v1', kind: 'Pod', metadata: {name, annotations}, spec: {containers: [{name: 'main', image: 'none', ports: [{name: 'game', containerPort: 8080}]}]},
});

/** The README's command that shows which Pod has which ports. */
const readmeCommand = async (): Promise<string> =>
	/^kubectl get pods -A .*$/m.exec(await readFile(new URL('../../README.md', import.meta.url), 'utf8'))?.[0] ?? '';

/** The name, the labels and the value of each series of a text in Prometheus' format. */
const seriesIn = (text: string) => [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(([, name = '', labels = '', value]) =>
	({name, value: Number(value), labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', text = '']) => [label, text]))}));

const denialsIn = (text: string): number =>
	seriesIn(text).filter(({name, labels}) => name === 'hostport_admission_denials_total' && labels['reason'] === 'invalid').reduce((sum, {value}) => sum + value, 0);

/** Without the dashboard's variables, which Prometheus and not the API server knows. */
const selects = ({name, matchers}: Selector, series: ReturnType<typeof seriesIn>[number]): boolean =>
	series.name === name && matchers.every(({label, value}) => value.startsWith('$') || series.labels[label] === value);

test('logs, audit log, metrics and the API server\'s own metrics fit together', async t => {
	allowBuild(t);
	const audit = await auditOf('kubernetes-admin', await temporaryFolder(t));
	await using controlPlane = await startControlPlane({workloads: false, apiServerFlags: audit.apiServerFlags, onProgress: line => t.log(line)});
	await using client = await createKubeClient(controlPlane.kubeconfigPath);
	const logs: LogLine[] = [];
	await using installation = await install({client, kubeconfig: await controlPlane.kubeconfigFor(serviceAccount), directory: `${controlPlane.directory}/replicas`, replicas: 2, onLog: line => logs.push(line)});

	t.is((await client.send('POST', podsPath('default'), pod('given'))).status, 201);
	const {kubectl} = await obtainBinaries(['kubectl']);
	const {stdout} = await promisify(execFile)('bash', ['-c', await readmeCommand()], {env: {PATH: `${path.dirname(kubectl)}:${process.env['PATH']}`, KUBECONFIG: controlPlane.kubeconfigPath, HOME: controlPlane.directory}});
	t.deepEqual(stdout.trim().split('\n').map(line => line.split(/ +/)), [['NAMESPACE', 'POD', 'HOST', 'PORTS'], ['default', 'given', '<none>', '30558']], 'No kubelet runs here, so the Pod has no host.');
	const scrape = async () => (await Promise.all(installation.replicas().map(async ({metricsPort}) => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()))).join('\n');
	// Installing has asked for denials too, until one came.
	const denialsBefore = denialsIn(await scrape());
	t.is((await client.send('POST', podsPath('default'), pod('denied', {...enabled, 'hostport.io/strategy': 'Best'}))).status, 400);
	const uids = await untilFound(async () => {
		const noted = (await audit.requests()).filter(({verb, resource, uri}) => verb === 'create' && resource === 'pods' && !uri.includes('dryRun')).map(({annotations}) => annotations['mutate-pods.hostport.io/request-uid']);
		return noted.filter(Boolean).length >= 2 ? noted.slice(-2) : undefined;
	}, 'both requests in the audit log');
	t.regex(uids[0] ?? '', /^[\da-f-]{36}$/);
	const [given, denied] = uids.map(uid => logs.find(line => line['uid'] === uid));
	t.like(given, {msg: 'allocated', pod: 'default/given', version: '0.1.0'});
	t.like(denied, {name: 'denied', reason: 'invalid', version: '0.1.0'});

	const ours = await scrape();
	t.deepEqual(ours.match(/^leader_election_master_status\{name="hostport-reconciler"\} \d/gm)?.map(line => line.at(-1)).toSorted(), ['0', '1'], 'One replica reconciles.');
	t.regex(ours, /^rest_client_requests_total\{code="20[01]",method="(?:POST|PATCH)",host="127\.0\.0\.1:\d+"\} [1-9]/m);
	t.is(denialsIn(ours), denialsBefore + 1);
	t.deepEqual(ours.match(/^hostport_(?:admission_requests_in_flight|ledger_queue_length) \d+$/gm)?.map(line => line.at(-1)), ['0', '0', '0', '0'], 'Nothing waits.');

	await Promise.all(installation.replicas().map(async replica => installation.removeReplica(replica, 'SIGKILL')));
	t.is((await client.send('POST', podsPath('default'), pod('without-replicas'))).status, 500);
	const theirs = seriesIn(await client.request<string>('GET', '/metrics')).filter(({name}) => apiServerSeries.has(name));
	for (const [name, labels] of apiServerSeries) {
		t.deepEqual(Object.keys(theirs.find(series => series.name === name)?.labels ?? {}).toSorted(), labels.toSorted(), name);
	}

	const asked = queries.flatMap(({where, query}) => parseQuery(query).selectors.filter(({name}) => apiServerSeries.has(name)).map(selector => ({where, selector})));
	t.true(asked.length >= 4);
	t.deepEqual(asked.filter(({selector}) => !theirs.some(series => selects(selector, series))).map(({where}) => where), [], 'These queries find nothing.');
	t.log([...new Set(asked.map(({where}) => where))].join(', '));
});
