/** The command line of each component. All of them listen on 127.0.0.1, or not at all. */

export type Files = {
	readonly directory: string;
	readonly authority: string;
	readonly serverCertificate: string;
	readonly serverKey: string;
	readonly serviceAccountKey: string;
	readonly serviceAccountPublicKey: string;
};

export type Ports = {
	readonly etcd: number;
	readonly apiServer: number;
};

/** Of Services. Holds kubernetes.default's address, 10.0.0.1, which the API server's certificate names. */
export const serviceRange = '10.0.0.0/24';

export const etcdArguments = (files: Files, {etcd}: Ports): string[] => [
	`--data-dir=${files.directory}/etcd`,
	`--listen-client-urls=http://127.0.0.1:${etcd}`,
	`--advertise-client-urls=http://127.0.0.1:${etcd}`,
	// There are no peers, but etcd insists on listening for them.
	'--listen-peer-urls=http://127.0.0.1:0',
	// A machine that crashes may take this control plane with it; each write is some milliseconds faster.
	'--unsafe-no-fsync',
	'--log-level=warn',
];

export const apiServerArguments = (files: Files, {etcd, apiServer}: Ports, workloads: boolean): string[] => [
	`--etcd-servers=http://127.0.0.1:${etcd}`,
	'--bind-address=127.0.0.1',
	// Else it looks for the machine's address, and fails where there is none.
	'--advertise-address=127.0.0.1',
	// The Service kubernetes.default may not have a loopback address as its endpoint: it gets none.
	'--endpoint-reconciler-type=none',
	`--secure-port=${apiServer}`,
	`--tls-cert-file=${files.serverCertificate}`,
	`--tls-private-key-file=${files.serverKey}`,
	`--client-ca-file=${files.authority}`,
	'--authorization-mode=RBAC',
	'--service-account-issuer=https://kubernetes.default.svc',
	`--service-account-key-file=${files.serviceAccountPublicKey}`,
	`--service-account-signing-key-file=${files.serviceAccountKey}`,
	`--service-cluster-ip-range=${serviceRange}`,
	// Without a controller manager nobody makes the ServiceAccounts that this plugin demands.
	...(workloads ? [] : ['--disable-admission-plugins=ServiceAccount']),
];

export const controllerManagerArguments = (files: Files, kubeconfig: string): string[] => [
	`--kubeconfig=${kubeconfig}`,
	`--service-account-private-key-file=${files.serviceAccountKey}`,
	`--root-ca-file=${files.authority}`,
	'--use-service-account-credentials',
	...alone,
];

export const schedulerArguments = (kubeconfig: string): string[] => [`--kubeconfig=${kubeconfig}`, ...alone];

export const kwokArguments = (kubeconfig: string, configuration: string): string[] => [
	`--kubeconfig=${kubeconfig}`,
	`--config=${configuration}`,
	'--manage-all-nodes',
	// Renews the Lease of each node as a kubelet does. Else the controller manager takes the nodes for dead after 50 s.
	'--node-lease-duration-seconds=40',
	'--cidr=10.244.0.0/16',
];

const alone = [
	// No metrics and no health: nothing listens.
	'--secure-port=0',
	'--leader-elect=false',
	// The default of 20 requests a second would make a burst of Pods wait for the client and not for the webhook.
	'--kube-api-qps=1000',
	'--kube-api-burst=1000',
];
