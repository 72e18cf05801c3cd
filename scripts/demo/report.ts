/** What the demo prints at the end: whether each claim holds, its figures, and what to try or to clean up. Pure. */
import type {Evidence} from './evidence.ts';
import {namespace} from './samples.ts';
import {seconds, wrap} from './styled-text.ts';
import type {Line} from './styled-text.ts';

export type Finding = {readonly holds: boolean; readonly sentence: string};

export const findingsOf = (evidence: Evidence): Finding[] => {
	const {workers, servers, uses, duplicates, missingFromLedger, leaked} = evidence;
	const pods = new Set(uses.map(({uid}) => uid)).size;
	const withoutPorts = workers.expected + servers.expected - pods;
	return [
		{
			holds: workers.running === workers.expected && servers.running === servers.expected,
			sentence: `${workers.running} of ${workers.expected} Pods of the Deployment run, and ${servers.running} of ${servers.expected} of the StatefulSet`,
		},
		{
			holds: duplicates.length === 0 && withoutPorts === 0,
			sentence: `${pods} Pods have ${uses.length} host ports`
				+ (withoutPorts === 0 ? '' : `, ${withoutPorts} ${withoutPorts === 1 ? 'has' : 'have'} none`)
				+ (duplicates.length === 0 ? '; no port was given twice' : `; given twice: ${duplicates.join('; ')}`),
		},
		{
			holds: missingFromLedger.length === 0 && uses.length > 0,
			sentence: missingFromLedger.length === 0
				? `the ledger has all ${uses.length} ports${describeLeaked(leaked)}`
				: `the ledger does not have ${missingFromLedger.join(', ')}`,
		},
		killFinding(evidence.kill, workers.expected),
	];
};

/** The killed replica reserved them, but its answer never reached the API server. */
const describeLeaked = (entries: number): string =>
	entries > 0 ? `, and ${entries} more from creations that failed: they become free after two minutes` : '';

const killFinding = (kill: Evidence['kill'], wanted: number): Finding => {
	if (!kill) {
		return {holds: false, sentence: 'no replica was killed: all Pods existed before one was seen to hold the Lease. Try again'};
	}

	const {replica, podsBefore, failedCreations, next} = kill;
	const failed = failedCreations > 0 ? `; ${failedCreations} creation${failedCreations === 1 ? '' : 's'} failed and ${failedCreations === 1 ? 'was' : 'were'} tried again` : '';
	return {
		holds: next !== undefined,
		sentence: `${replica} was killed while it held the Lease and ${podsBefore} of ${wanted} Pods existed${failed}; `
			+ (next ? `${next.replica} gave the next ports ${seconds(next.afterMs)} later` : 'no other replica gave ports after that'),
	};
};

export const findingLines = (findings: readonly Finding[], columns: number): Line[] => findings.flatMap(({holds, sentence}) =>
	wrap(sentence, columns - 2).map((text, index): Line => [
		index > 0 ? '  ' : (holds ? ['✓ ', 'green'] : ['✗ ', 'red', 'bold']),
		holds ? text : [text, 'bold'],
	]));

export type Figures = {
	readonly writes: {readonly pods: number; readonly ledger: number; readonly lease: number};
	/** How long the API server took to be ready: since the start of the command, and since the start of etcd, which the embedded one has not. */
	readonly ready: {readonly afterMs: number; readonly bootMs: number | undefined} | undefined;
	/** Since the start of the command. */
	readonly firstPodMs: number | undefined;
};

export const figureLines = ({writes: {pods, ledger, lease}, ready, firstPodMs = Number.NaN}: Figures, columns: number): Line[] => [
	`${pods} more Pods took ${ledger} writes of the ledger and ${lease} of the Lease: ${((ledger + lease) / pods).toFixed(1)} for each Pod`,
	ready
		? `The control plane was ready ${seconds(ready.afterMs)} after the start of this command${ready.bootMs === undefined ? '' : ` (${seconds(ready.bootMs)} after the start of etcd)`}. `
			+ `The first Pod had its ports after ${seconds(firstPodMs)}: ${(firstPodMs / ready.afterMs).toFixed(1)} times as long`
		: `The first Pod had its ports ${seconds(firstPodMs)} after the start of this command`,
].flatMap(sentence => wrap(sentence, columns - 2)).map((text): Line => [[`  ${text}`, 'dim']]);

export const keepLines = (kubeconfigPath: string): Line[] => [
	[],
	[['Everything keeps running until Ctrl-C. Try in another terminal:', 'bold']],
	[],
	[`export KUBECONFIG=${kubeconfigPath}`],
	[`kubectl get pods -n ${namespace} -o 'custom-columns=POD:.metadata.name,NODE:.spec.nodeName,PORTS:.spec.containers[*].ports[*].hostPort'`],
	['kubectl get configmaps -n operators -l hostport.io/ledger=page -o yaml'],
	[`kubectl scale deployment game-worker -n ${namespace} --replicas=60`],
	[],
];

/** For a cluster that existed before the demo. */
export const leftoverLines = (): Line[] => [
	[`Removed: the webhook configuration, and the namespace ${namespace}, whose Pods are terminating.`],
	['Left: the ledger and the certificate in the namespace operators, and the rights of deploy/base.'],
	['To remove those too, unless something else uses them:'],
	['kubectl delete namespace operators'],
	['kubectl delete clusterrole,clusterrolebinding hostport-operator hostport-operator-certificate'],
];
