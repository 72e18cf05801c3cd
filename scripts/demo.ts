/** `npm run demo`: shows in a minute what the product does, on a real API server. Exit codes: 0 all held, 1 something did not, 2 wrong use. */
import process from 'node:process';
import {setTimeout as delay} from 'node:timers/promises';
import {parseArgs} from 'node:util';
import {namedKubeconfig} from '../harness/control-plane/obtain.ts';
import {figureLines, findingLines, keepLines} from './demo/closing-lines.ts';
import {createLiveShow} from './demo/live-show.ts';
import {createLogShow} from './demo/log-show.ts';
import {writeLines} from './demo/painter.ts';
import {createScene} from './demo/scene.ts';
import {tell} from './demo/tell.ts';
import type {Line} from './demo/text.ts';
import {judge} from './demo/verdict.ts';

const usage = `Shows what the HostPort Operator does: three replicas give host ports to the Pods of a StatefulSet and of a Deployment.
Then the Deployment grows to fifty Pods, and the replica that holds the Lease is killed in the middle of that.
At the end it checks that all fifty run and that no port was given twice.

    npm run demo -- [options]

Options:
    --keep    leaves everything running until Ctrl-C, and says how to look at it with kubectl
    --help    shows this

Environment:
    KUBECONFIG  a cluster to use instead of a new one. Its API server must run on this machine, because it calls the replicas
                at 127.0.0.1. The demo's Pods get a namespace of their own there, hostport-demo, which is removed at the end
    NO_COLOR    no colours

Exit code: 0 if all of it held, 1 if not, 2 for wrong use, 130 after Ctrl-C.`;

const replicas = ['replica-1', 'replica-2', 'replica-3'];

/** @returns whether everything held. */
const run = async (isKept: boolean, interrupted: AbortSignal): Promise<boolean> => {
	const {stdout} = process;
	const kubeconfig = namedKubeconfig(process.env);
	const broken = new AbortController();
	const signal = AbortSignal.any([interrupted, broken.signal]);
	const scene = createScene(replicas);
	const show = stdout.isTTY && process.env['TERM'] !== 'dumb' ? createLiveShow(scene, stdout) : createLogShow(scene, stdout);
	const print = (lines: readonly Line[]) => writeLines(stdout, lines);
	const opened = new AsyncDisposableStack();
	try {
		const {cluster, cost, evidence} = await tell({kubeconfig, scene, show, print, opened, onBroken: error => broken.abort(error), signal});
		show.end();
		const findings = judge(evidence);
		const columns = stdout.columns || Infinity;
		print([...findingLines(findings, columns), ...figureLines({cost, ready: cluster.ready, firstPodMs: scene.firstPodMs}, columns)]);
		if (isKept) {
			print(keepLines(cluster.kubeconfigPath));
			show.goOn();
			await untilAborted(signal);
		}

		return findings.every(({holds}) => holds);
	} catch (error) {
		// What was waited for fails in its own way when the wait is called off: the reason says more.
		throw signal.aborted ? signal.reason : error;
	} finally {
		show.end();
		if (interrupted.aborted) {
			console.error('Ending it (Ctrl-C again: at once)');
		}

		await opened.disposeAsync();
	}
};

/** @throws the signal's reason. */
const untilAborted = async (signal: AbortSignal): Promise<never> => {
	for (;;) {
		signal.throwIfAborted();
		// A timer, because nothing else may keep this process alive.
		await delay(60_000, undefined, {signal}).catch(() => {});
	}
};

const exitCodes = {SIGHUP: 129, SIGINT: 130, SIGTERM: 143} as const;

const main = async (isKept: boolean): Promise<number> => {
	const interrupted = new AbortController();
	let exitCode: number | undefined;
	for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
		// Once only: the second Ctrl-C ends this process at once, and the reaper what it has started.
		process.once(name, () => {
			exitCode ??= exitCodes[name];
			interrupted.abort(new Error(name));
		});
	}

	// Nobody reads it any more: `| head`, or a terminal that was closed.
	process.stdout.on('error', () => {
		exitCode ??= 141;
		interrupted.abort(new Error('standard output is closed'));
	});
	try {
		if (await run(isKept, interrupted.signal)) {
			return 0;
		}

		console.error('The demo failed: what is marked with ✗ did not hold');
		return 1;
	} catch (error) {
		if (exitCode === undefined) {
			console.error(error instanceof Error ? error.message : error);
		}

		return exitCode ?? 1;
	}
};

const readArguments = (): {readonly keep: boolean; readonly help: boolean} | undefined => {
	try {
		return parseArgs({options: {keep: {type: 'boolean', default: false}, help: {type: 'boolean', short: 'h', default: false}}}).values;
	} catch (error) {
		console.error(`${error instanceof Error ? error.message : String(error)}. The demo knows --keep and --help`);
		return undefined;
	}
};

const asked = readArguments();
if (!asked) {
	process.exitCode = 2;
} else if (asked.help) {
	console.log(usage);
} else {
	process.exit(await main(asked.keep));
}
