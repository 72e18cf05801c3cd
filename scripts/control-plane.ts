/** `npm run control-plane`: runs a Kubernetes control plane on this machine until Ctrl-C. */
import {parseArgs} from 'node:util';
import {startControlPlane} from '../harness/control-plane/start.ts';
import type {ControlPlane} from '../harness/control-plane/start.ts';
import {until} from '../harness/control-plane/until.ts';
import {startEmbeddedControlPlane} from '../harness/embedded-control-plane/start.ts';
import {messageOf} from '../src/errors.ts';
import {version} from '../src/version.ts';

const usage = `Runs a Kubernetes control plane on this machine until Ctrl-C, with simulated nodes and Pods.
It listens on 127.0.0.1 only, and leaves nothing behind except the programs in the cache folder.

    npm run control-plane -- [options]
    KUBECONFIG=... kubectl get nodes      in another terminal, with the path that the first command prints

Options:
    --nodes <number>      number of nodes (default: 3)
    --directory <folder>  folder for data, keys and logs, which is kept (default: a new folder, removed at the end)
    --embedded            an embedded stand-in, in memory: needs no other program and starts at once
    --version             print the version
    --help                show this help

Environment:
    KUBEBUILDER_ASSETS    folder with kube-apiserver, etcd, ...; missing programs are downloaded or built
    XDG_CACHE_HOME        programs are kept below this folder, in hostport-operator/ (default: ~/.cache)`;

type Wanted = {readonly nodes: number; readonly directory?: string; readonly isEmbedded: boolean; readonly signal: AbortSignal};

/** Rejects with the signal's reason when it is aborted, or when a component crashes. */
const run = async ({isEmbedded, signal, ...options}: Wanted): Promise<void> => {
	await using controlPlane = isEmbedded
		? await startEmbeddedControlPlane(options)
		: await startControlPlane({...options, workloads: true, onProgress: report, signal});
	console.log(`export KUBECONFIG=${controlPlane.kubeconfigPath}`);
	report('Press Ctrl-C to stop');
	// The first wait ends only with the signal. Its timer keeps this process alive.
	await Promise.race([until(async () => false, {what: 'Ctrl-C', budgetMs: Infinity, intervalMs: 60_000, signal}), ...('processes' in controlPlane ? crashesOf(controlPlane) : [])]);
};

/** Writes to standard error, so that a shell can evaluate standard output. */
const report = (line: string): void => {
	console.error(line);
};

const crashesOf = ({processes}: ControlPlane): Array<Promise<never>> =>
	Object.values(processes).map(async ({crashed}) => crashed);

/** Undefined after wrong usage, which has been reported, and after a question that has been answered. */
const readArguments = (): Omit<Wanted, 'signal'> | undefined => {
	try {
		const {values: {directory, embedded, help, ...values}} = parseArgs({options: {
			nodes: {type: 'string', default: '3'},
			directory: {type: 'string'},
			embedded: {type: 'boolean', default: false},
			version: {type: 'boolean', default: false},
			help: {type: 'boolean', short: 'h', default: false},
		}});
		if (help || values.version) {
			console.log(help ? usage : version);
			return undefined;
		}

		const nodes = Number(values.nodes);
		if (!Number.isInteger(nodes) || nodes < 0 || nodes > 5000) {
			throw new RangeError(`--nodes must be a whole number from 0 to 5000, not "${values.nodes}"`);
		}

		return {nodes, isEmbedded: embedded, ...(directory !== undefined && {directory})};
	} catch (error) {
		report(`${messageOf(error)}. "npm run control-plane -- --help" lists the options`);
		process.exitCode = 2;
		return undefined;
	}
};

const wanted = readArguments();
if (wanted) {
	const interrupted = new AbortController();
	for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
		// Only the first Ctrl-C is handled. A second one ends this process at once, and the reaper then ends what it started.
		process.once(signal, () => {
			report('Stopping');
			interrupted.abort();
		});
	}

	try {
		await run({...wanted, signal: interrupted.signal});
	} catch (error) {
		if (!interrupted.signal.aborted) {
			report(messageOf(error));
			process.exitCode = 1;
			// Ends the wait for Ctrl-C, which would keep this process alive after a crash.
			interrupted.abort();
		}
	}
}
