/** Which cluster the demo runs in: the one that the user names, a real control plane on this machine, or the embedded one. */
import {MissingBinariesError, namedKubeconfig, obtainBinaries} from '../../harness/control-plane/obtain.ts';
import {allComponents} from '../../harness/control-plane/start.ts';

export type ClusterChoice =
	| {readonly kind: 'named'; readonly kubeconfig: string}
	| {readonly kind: 'real' | 'embedded'};

export type Wishes = {
	readonly useCluster: boolean;
	readonly embedded: boolean;
};

/** The options or the environment do not say what to do. */
export class UsageError extends Error {
	override name = 'UsageError';
}

/** @throws {UsageError} if `--use-cluster` names no cluster, or contradicts `--embedded`. */
export const readChoice = ({useCluster, embedded}: Wishes, env: NodeJS.ProcessEnv): ClusterChoice | undefined => {
	const kubeconfig = namedKubeconfig(env);
	if (useCluster && embedded) {
		throw new UsageError('--use-cluster and --embedded exclude each other: choose one');
	}

	if (useCluster && kubeconfig === undefined) {
		throw new UsageError('--use-cluster needs the environment variable KUBECONFIG, which names the cluster: it is not set. ~/.kube/config is never used');
	}

	return useCluster ? {kind: 'named', kubeconfig: kubeconfig!} : (embedded ? {kind: 'embedded'} : undefined);
};

type FindOptions = {
	readonly onProgress: (line: string) => void;
	readonly signal: AbortSignal;
};

/** A real control plane if its programs are on this machine or can be downloaded, else the embedded one. Compiles nothing. */
export const findChoice = async ({onProgress, signal}: FindOptions): Promise<ClusterChoice> => {
	try {
		await obtainBinaries(allComponents, {onProgress, signal, mayBuild: false});
		return {kind: 'real'};
	} catch (error) {
		if (error instanceof MissingBinariesError) {
			return {kind: 'embedded'};
		}

		throw error;
	}
};
