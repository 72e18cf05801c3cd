/** `npm run demo`: shows in a minute what the product does, on a real API server or on an embedded one. */
import process from 'node:process';
import {parseArgs} from 'node:util';
import {namedKubeconfig} from '../harness/control-plane/obtain.ts';
import {until} from '../harness/control-plane/until.ts';
import {messageOf} from '../src/errors.ts';
import {version} from '../src/version.ts';
import {readChoice} from './demo/choose-cluster.ts';
import type {ClusterChoice} from './demo/choose-cluster.ts';
import {createLiveOutput} from './demo/live-output.ts';
import {createLogOutput} from './demo/log-output.ts';
import {writeLines} from './demo/output.ts';
import {figureLines, findingLines, findingsOf, keepLines} from './demo/report.ts';
import {runScenario} from './demo/scenario.ts';
import {createState} from './demo/state.ts';
import type {Line} from './demo/styled-text.ts';

const usage = `Shows what the HostPort Operator does: three replicas give host ports to the Pods of a StatefulSet and of a Deployment.
Then the Deployment grows to fifty Pods, and meanwhile the replica that holds the Lease is killed.
At the end the demo checks that all fifty Pods run and that no port was given twice.

It runs in a real Kubernetes control plane on this machine if its programs are in the cache ("npm run control-plane" puts them
there) or can be downloaded. Otherwise it runs in an embedded stand-in, which starts at once.

    npm run demo -- [options]

Options:
    --keep         keep everything running until Ctrl-C, and print kubectl commands to try
    --embedded     use the embedded control plane in any case
    --use-cluster  use the cluster that KUBECONFIG names. Its API server must run on this machine, because it calls the replicas
                   at 127.0.0.1. The demo's Pods get their own namespace, hostport-demo, which is removed at the end
    --version      print the version
    --help         show this help

Environment:
    KUBECONFIG         the cluster for --use-cluster; not used without that option
    KUBEBUILDER_ASSETS folder with kube-apiserver, etcd, ...
    NO_COLOR           no colours

Exit code: 0 if every check passed, 1 if not, 2 for wrong usage, 130 after Ctrl-C.`;

const replicas = ['replica-1', 'replica-2', 'replica-3'];

/** @returns whether every check passed. */
const run = async ({keep: isKept, choice}: Wanted, interrupted: AbortSignal): Promise<boolean> => {
	const {stdout} = process;
	const broken = new AbortController();
	const signal = AbortSignal.any([interrupted, broken.signal]);
	const state = createState(replicas);
	const output = stdout.isTTY && process.env['TERM'] !== 'dumb' ? createLiveOutput(state, stdout) : createLogOutput(state, stdout);
	const print = (lines: readonly Line[]) => writeLines(stdout, lines);
	const cleanup = new AsyncDisposableStack();
	try {
		const {cluster, writes, evidence} = await runScenario({choice, state, output, print, cleanup, onBroken: error => broken.abort(error), signal});
		output.finish();
		const findings = findingsOf(evidence);
		const columns = stdout.columns || Infinity;
		print([...findingLines(findings, columns), ...figureLines({writes, ready: cluster.ready, firstPodMs: state.firstPodMs}, columns)]);
		if (isKept) {
			print(keepLines(cluster.kubeconfigPath));
			output.continueAsLog();
			// Ends only with the signal. Its timer keeps this process alive.
			await until(async () => false, {what: 'Ctrl-C', budgetMs: Infinity, intervalMs: 60_000, signal});
		}

		return findings.every(({holds}) => holds);
	} catch (error) {
		// After an abort every wait fails with an error of its own. The signal's reason says more.
		throw signal.aborted ? signal.reason : error;
	} finally {
		output.finish();
		if (interrupted.aborted) {
			console.error('Stopping (Ctrl-C again stops at once)');
		}

		await cleanup.disposeAsync();
	}
};

const exitCodes = {SIGHUP: 129, SIGINT: 130, SIGTERM: 143} as const;

const main = async (wanted: Wanted): Promise<number> => {
	const interrupted = new AbortController();
	let exitCode: number | undefined;
	for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
		// Only the first Ctrl-C is handled. A second one ends this process at once, and the reaper then ends what it started.
		process.once(name, () => {
			exitCode ??= exitCodes[name];
			interrupted.abort(new Error(name));
		});
	}

	// The reader has gone: `| head`, or a closed terminal.
	process.stdout.on('error', () => {
		exitCode ??= 141;
		interrupted.abort(new Error('standard output is closed'));
	});
	try {
		if (await run(wanted, interrupted.signal)) {
			return 0;
		}

		console.error('The demo failed: see the lines marked with ✗');
		return 1;
	} catch (error) {
		if (exitCode === undefined) {
			console.error(messageOf(error));
		}

		return exitCode ?? 1;
	}
};

type Wanted = {readonly keep: boolean; readonly choice: ClusterChoice | undefined};

/** Undefined after wrong usage, which has been reported, and after a question that has been answered. */
const readArguments = (): Wanted | undefined => {
	try {
		const {values: {keep, help, version: wantsVersion, 'use-cluster': useCluster, embedded}} = parseArgs({options: {
			keep: {type: 'boolean', default: false},
			embedded: {type: 'boolean', default: false},
			'use-cluster': {type: 'boolean', default: false},
			version: {type: 'boolean', default: false},
			help: {type: 'boolean', short: 'h', default: false},
		}});
		if (help || wantsVersion) {
			console.log(help ? usage : version);
			return undefined;
		}

		if (!useCluster && namedKubeconfig(process.env)) {
			console.error('KUBECONFIG is set, and the demo does not use that cluster. To use it: npm run demo -- --use-cluster');
		}

		return {keep, choice: readChoice({useCluster, embedded}, process.env)};
	} catch (error) {
		console.error(`${messageOf(error)}. "npm run demo -- --help" lists the options`);
		process.exitCode = 2;
		return undefined;
	}
};

const wanted = readArguments();
if (wanted) {
	process.exit(await main(wanted));
}
