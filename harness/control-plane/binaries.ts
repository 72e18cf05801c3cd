/** The programs of a control plane, and those that install on it, with the Go package of each. */

/** `build/kubernetes/go.mod` requires the same versions of Kubernetes and kwok; a test compares them. */
export const kubernetesVersion = 'v1.36.3';
export const kwokVersion = 'v0.8.0';
export const helmVersion = 'v4.3.1';

export type BinaryName = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kubectl' | 'kwok' | 'helm';

/** The folders of `build/`, each with a go.mod of its own. */
export type ModuleName = 'kubernetes' | 'helm';

export type BinarySource = {
	/** The folder of `build/` whose go.mod has the package. */
	readonly module: ModuleName;
	readonly goPackage: string;
	/** The name that `go build` gives the program. */
	readonly builtAs: string;
	/** Whether the envtest archive has the program. */
	readonly inEnvtest: boolean;
	/** Set if any recent version on the PATH will do: the product must work with the versions that users have. */
	readonly onPath?: true;
};

export const binarySources: Readonly<Record<BinaryName, BinarySource>> = {
	etcd: {module: 'kubernetes', goPackage: 'go.etcd.io/etcd/server/v3', builtAs: 'server', inEnvtest: true},
	'kube-apiserver': {module: 'kubernetes', goPackage: 'k8s.io/kubernetes/cmd/kube-apiserver', builtAs: 'kube-apiserver', inEnvtest: true},
	'kube-controller-manager': {module: 'kubernetes', goPackage: 'k8s.io/kubernetes/cmd/kube-controller-manager', builtAs: 'kube-controller-manager', inEnvtest: false},
	'kube-scheduler': {module: 'kubernetes', goPackage: 'k8s.io/kubernetes/cmd/kube-scheduler', builtAs: 'kube-scheduler', inEnvtest: false},
	kubectl: {module: 'kubernetes', goPackage: 'k8s.io/kubernetes/cmd/kubectl', builtAs: 'kubectl', inEnvtest: true, onPath: true},
	// In the module of Kubernetes, so that what both import is compiled once.
	kwok: {module: 'kubernetes', goPackage: 'sigs.k8s.io/kwok/cmd/kwok', builtAs: 'kwok', inEnvtest: false},
	helm: {module: 'helm', goPackage: 'helm.sh/helm/v4/cmd/helm', builtAs: 'helm', inEnvtest: false, onPath: true},
};

/** "a", "a and b", "a, b and c". */
export const listNames = (names: readonly string[]): string => new Intl.ListFormat('en-GB').format(names);
