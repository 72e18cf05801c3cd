/** What the demo says at the end: its findings, its figures, and what to try or to clean up. Pure. */
import {namespace} from './samples.ts';
import type {Line} from './text.ts';
import {seconds, wrap} from './text.ts';
import type {Finding} from './verdict.ts';

export const findingLines = (findings: readonly Finding[], columns: number): Line[] => findings.flatMap(({holds, sentence}) =>
	wrap(sentence, columns - 2).map((text, index): Line => [
		index > 0 ? '  ' : (holds ? ['✓ ', 'green'] : ['✗ ', 'red', 'bold']),
		holds ? text : [text, 'bold'],
	]));

export type Figures = {
	readonly cost: {readonly pods: number; readonly ledgerWrites: number; readonly leaseWrites: number};
	/** From the start of the command, and from the start of etcd, until the API server was ready. */
	readonly ready: {readonly afterMs: number; readonly bootMs: number} | undefined;
	/** From the start of the command. */
	readonly firstPodMs: number | undefined;
};

export const figureLines = ({cost, ready, firstPodMs = Number.NaN}: Figures, columns: number): Line[] => [
	`${cost.pods} more Pods cost ${cost.ledgerWrites} writes of the ledger and ${cost.leaseWrites} of the Lease: ${((cost.ledgerWrites + cost.leaseWrites) / cost.pods).toFixed(1)} for each`,
	ready
		? `The control plane was ready ${seconds(ready.afterMs)} after the start of this command (${seconds(ready.bootMs)} after its own), `
			+ `and the first Pod had its ports after ${seconds(firstPodMs)}: ${(firstPodMs / ready.afterMs).toFixed(1)} times as long`
		: `The first Pod had its ports ${seconds(firstPodMs)} after the start of this command`,
].flatMap(sentence => wrap(sentence, columns - 2)).map((text): Line => [[`  ${text}`, 'dim']]);

export const keepLines = (kubeconfigPath: string): Line[] => [
	[],
	[['It goes on running until Ctrl-C. Try in another terminal:', 'bold']],
	[],
	[`export KUBECONFIG=${kubeconfigPath}`],
	[`kubectl get pods -n ${namespace} -o 'custom-columns=POD:.metadata.name,NODE:.spec.nodeName,PORTS:.spec.containers[*].ports[*].hostPort'`],
	['kubectl get configmaps -n operators -l hostport.io/ledger=page -o yaml'],
	[`kubectl scale deployment game-worker -n ${namespace} --replicas=60`],
	[],
];

/** For a cluster that was there before the demo. */
export const leftLines = (): Line[] => [
	[`Taken away: the webhook configuration, and the namespace ${namespace}, whose Pods are ending.`],
	['Left: the ledger and the certificate in the namespace operators, and the rights of deploy/base.'],
	['To remove them too, unless somebody else uses them:'],
	['kubectl delete namespace operators'],
	['kubectl delete clusterrole,clusterrolebinding hostport-operator hostport-operator-certificate'],
];
