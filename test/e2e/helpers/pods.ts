/** Pods as the API server returns them, as far as end-to-end tests look at them. */

export type Port = {readonly name?: string; readonly containerPort: number; readonly hostPort?: number; readonly protocol?: string};

export type Container = {
	readonly name: string;
	readonly image?: string;
	readonly ports?: readonly Port[];
	readonly env?: ReadonlyArray<{readonly name: string; readonly value?: string; readonly valueFrom?: object}>;
	readonly [member: string]: unknown;
};

export type Pod = {
	readonly metadata: {
		readonly name: string;
		readonly namespace: string;
		readonly uid: string;
		readonly labels?: Readonly<Record<string, string>>;
		readonly annotations?: Readonly<Record<string, string>>;
		readonly deletionTimestamp?: string;
	};
	readonly spec: {
		readonly hostNetwork?: boolean;
		readonly dnsPolicy: string;
		readonly containers: readonly Container[];
		readonly initContainers?: readonly Container[];
	};
	readonly status: {readonly phase: string};
};

/** The annotation by which a Pod asks for host ports, and the label where Pods opt in by label. */
export const enabled = {'hostport.io/enabled': 'true'};

export const podsPath = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;

/** The host port of each port of a Pod; containers first, then init containers. */
export const hostPortsOf = ({spec}: Pod): Array<number | undefined> =>
	[...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ports}) => ports ?? []).map(({hostPort}) => hostPort);
