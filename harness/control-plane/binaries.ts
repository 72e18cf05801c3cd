/** The programs that a control plane is made of, and those that install on it, and what each of them comes from. */

/** One version for all of Kubernetes; `build/kubernetes/go.mod` requires the same, and a test says so. */
export const kubernetesVersion = 'v1.36.3';
export const kwokVersion = 'v0.8.0';
export const helmVersion = 'v4.3.1';

export type BinaryName = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kubectl' | 'kwok' | 'helm';

/** The folders of `build/`, each with a go.mod of its own. */
export type ModuleName = 'kubernetes' | 'kwok' | 'helm';

export type BinarySource = {
	/** The folder of `build/` whose go.mod has the package. */
	readonly module: ModuleName;
	readonly goPackage: string;
	/** What `go build` calls the result. */
	readonly builtAs: string;
	/** Whether the envtest archive has it. */
	readonly inEnvtest: boolean;
	/** Whether one on the PATH will do, of any recent version: what people have is what it shall work with. */
	readonly onPath?: true;
};

export const binarySources: Readonly<Record<BinaryName, BinarySource>> = {
	etcd: {module: 'kubernetes', goPackage: 'go.etcd.io/etcd/server/v3', builtAs: 'server', inEnvtest: true},
	'kube-apiserver': {module: 'kubernetes', goPackage: 'k8s.io/kubernetes/cmd/kube-apiserver', builtAs: 'kube-apiserver', inEnvtest: true},
	'kube-controller-manager': {module: 'kubernetes', goPackage: 'k8s.io/kubernetes/cmd/kube-controller-manager', builtAs: 'kube-controller-manager', inEnvtest: false},
	'kube-scheduler': {module: 'kubernetes', goPackage: 'k8s.io/kubernetes/cmd/kube-scheduler', builtAs: 'kube-scheduler', inEnvtest: false},
	kubectl: {module: 'kubernetes', goPackage: 'k8s.io/kubernetes/cmd/kubectl', builtAs: 'kubectl', inEnvtest: true, onPath: true},
	kwok: {module: 'kwok', goPackage: 'sigs.k8s.io/kwok/cmd/kwok', builtAs: 'kwok', inEnvtest: false},
	helm: {module: 'helm', goPackage: 'helm.sh/helm/v4/cmd/helm', builtAs: 'helm', inEnvtest: false, onPath: true},
};

/** "a", "a and b", "a, b and c". */
export const listNames = (names: readonly string[]): string => new Intl.ListFormat('en-GB').format(names);
