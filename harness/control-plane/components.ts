/** The command line of each component. They listen on 127.0.0.1 only, or not at all. */

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
	/** Of the one API server that the arguments are for. */
	readonly apiServer: number;
};

/** The addresses of Services. The first, 10.0.0.1, belongs to kubernetes.default, and the API server's certificate names it. */
export const serviceRange = '10.0.0.0/24';

export const etcdArguments = (files: Files, {etcd}: Pick<Ports, 'etcd'>): string[] => [
	`--data-dir=${files.directory}/etcd`,
	`--listen-client-urls=http://127.0.0.1:${etcd}`,
	`--advertise-client-urls=http://127.0.0.1:${etcd}`,
	// There are no peers, but etcd requires this address.
	'--listen-peer-urls=http://127.0.0.1:0',
	// Each write is some milliseconds faster, and the data need not survive a crash of the machine.
	'--unsafe-no-fsync',
	'--log-level=warn',
];

export const apiServerArguments = (files: Files, {etcd, apiServer}: Ports, workloads: boolean): string[] => [
	`--etcd-servers=http://127.0.0.1:${etcd}`,
	'--bind-address=127.0.0.1',
	// By default it looks for the machine's address, and fails if there is none.
	'--advertise-address=127.0.0.1',
	// The Service kubernetes.default can't have a loopback address as its endpoint, so it gets none, however many API servers there are.
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
	// This plugin requires ServiceAccounts, which only the controller manager makes.
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
	// Renews each node's Lease as a kubelet does. Otherwise the controller manager considers the nodes dead after 50 s.
	'--node-lease-duration-seconds=40',
	'--cidr=10.244.0.0/16',
];

const alone = [
	// No port for metrics and health.
	'--secure-port=0',
	'--leader-elect=false',
	// The default of 20 requests a second would slow down bursts of Pods.
	'--kube-api-qps=1000',
	'--kube-api-burst=1000',
];
