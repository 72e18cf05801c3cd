/** `npm run control-plane`: a Kubernetes control plane on this machine until Ctrl-C. */
import {setTimeout as delay} from 'node:timers/promises';
import {parseArgs} from 'node:util';
import {startControlPlane, type ControlPlane} from '../harness/control-plane/start.ts';

const usage = `Starts a Kubernetes control plane on this machine, with nodes on which Pods seem to run, until Ctrl-C.
It listens on 127.0.0.1 alone, and leaves nothing behind but the programs in the cache folder.

    npm run control-plane -- [options]
    KUBECONFIG=... kubectl get nodes      in another terminal, as the first command says

Options:
    --nodes <number>      how many nodes there are (3)
    --directory <folder>  where data, keys and logs go; it is kept (a new folder, removed at the end)
    --help                shows this

Environment:
    KUBEBUILDER_ASSETS    a folder that has kube-apiserver, etcd, ...; what it lacks is downloaded or built
    XDG_CACHE_HOME        where programs are kept, below hostport-operator/ (~/.cache)`;

/** Runs until the signal is aborted, or until a component crashes. */
const run = async (nodes: number, directory: string | undefined, signal: AbortSignal): Promise<void> => {
	await using controlPlane = await startControlPlane({
		workloads: true,
		nodes,
		...(directory !== undefined && {directory}),
		onProgress: report,
		signal,
	});
	console.log(`export KUBECONFIG=${controlPlane.kubeconfigPath}`);
	report('Press Ctrl-C to end it');
	await Promise.race([untilAborted(signal), ...crashesOf(controlPlane)]);
};

/** To standard error: standard output has nothing but what a shell may evaluate. */
const report = (line: string): void => {
	console.error(line);
};

const crashesOf = ({processes}: ControlPlane): Array<Promise<never>> =>
	Object.values(processes).map(async ({crashed}) => crashed);

const untilAborted = async (signal: AbortSignal): Promise<void> => {
	while (!signal.aborted) {
		// A timer, because nothing else here keeps this process alive.
		await delay(60_000, undefined, {signal}).catch(() => {});
	}
};

const {values} = parseArgs({options: {
	nodes: {type: 'string', default: '3'},
	directory: {type: 'string'},
	help: {type: 'boolean', short: 'h', default: false},
}});
const nodes = Number(values.nodes);
if (values.help) {
	console.log(usage);
} else if (!Number.isInteger(nodes) || nodes < 0 || nodes > 5000) {
	report(`--nodes is "${values.nodes}": it must be a whole number from 0 to 5000`);
	process.exitCode = 1;
} else {
	const interrupted = new AbortController();
	for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
		// Once only: the second Ctrl-C ends this process at once, and what it started with it.
		process.once(signal, () => {
			report('Ending it');
			interrupted.abort();
		});
	}

	try {
		await run(nodes, values.directory, interrupted.signal);
	} catch (error) {
		if (!interrupted.signal.aborted) {
			report(error instanceof Error ? error.message : String(error));
			process.exitCode = 1;
		}
	}
}
