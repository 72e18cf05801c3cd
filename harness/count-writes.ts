/** Counts what the product writes, by the API server's own metrics. */
import type {KubeClient} from './kube-client.ts';

export type WriteCounts = {readonly configMaps: number; readonly leases: number; readonly refused: number};

/** How many writes of ConfigMaps and Leases the API server has answered since it started, by its own metrics. `refused` of them were answered with an error. */
export const countWrites = async (client: KubeClient): Promise<WriteCounts> => {
	const metrics = await client.request<string>('GET', '/metrics');
	const counts = {configMaps: 0, leases: 0, refused: 0};
	for (const [, labels, value] of metrics.matchAll(/^apiserver_request_total\{(.*)\} (\d+)$/gm)) {
		const label = (name: string) => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels ?? '')?.[1] ?? '';
		if (!['POST', 'PUT', 'PATCH', 'APPLY', 'DELETE'].includes(label('verb'))) {
			continue;
		}

		if (label('resource') === 'configmaps') {
			counts.configMaps += Number(value);
		} else if (label('resource') === 'leases') {
			counts.leases += Number(value);
		} else {
			continue;
		}

		counts.refused += label('code').startsWith('2') ? 0 : Number(value);
	}

	return counts;
};
