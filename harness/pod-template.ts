type Port = {readonly name: string; readonly containerPort: number};

const twoPorts: readonly Port[] = [{name: 'grpc', containerPort: 19_805}, {name: 'health', containerPort: 9090}];

/** A Pod as a Deployment's controller sends it: no name yet, and ports (by default two) that ask for host ports. */
export const podTemplate = (name: string, basePort = 30_558, ports = twoPorts) => ({
	apiVersion: 'v1',
	kind: 'Pod',
	metadata: {generateName: `${name}-`, labels: {app: name}, annotations: {'hostport.io/enabled': 'true', 'hostport.io/base-port': String(basePort)}},
	spec: {
		// No scheduler has this name: a Pod costs the API server the same, and scheduling stays out of the figures.
		schedulerName: 'none',
		containers: [{
			name: 'server',
			image: 'registry.example.com/game-server:1.0',
			ports,
		}],
	},
});
