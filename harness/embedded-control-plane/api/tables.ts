/** Lists and objects as tables, for `kubectl get`. */
import type {ApiRequest} from '../../in-memory-api/answers.ts';
import type {Stored} from '../../in-memory-api/kinds.ts';
import {ageSince} from './age.ts';

/** Whether the client asks for a table first. */
export const wantsTable = ({accept = ''}: Pick<ApiRequest, 'accept'>): boolean => accept.split(',')[0]!.includes('as=Table');

/** @param now milliseconds since 1970. */
export const tableOf = (body: unknown, now: number): unknown => {
	const {kind, items, metadata} = body as {readonly kind?: string; readonly items?: readonly Stored[]; readonly metadata?: {readonly resourceVersion?: string; readonly continue?: string}};
	if (kind === 'Status') {
		return body;
	}

	const objects = items ?? [body as Stored];
	const columns = [...columnsOf(items ? kind!.replace(/List$/, '') : kind!)];
	return {
		kind: 'Table',
		apiVersion: 'meta.k8s.io/v1',
		metadata: {resourceVersion: metadata?.resourceVersion, ...(metadata?.continue && {continue: metadata.continue})},
		columnDefinitions: columns.map(([name, , isWide]) => ({
			name, type: 'string', format: name === 'Name' ? 'name' : '', description: '', priority: isWide ? 1 : 0,
		})),
		rows: objects.map(object => ({
			cells: columns.map(([, cell]) => cell(object as Loose, now)),
			object: {kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata},
		})),
	};
};

type Column = readonly [name: string, cell: (object: Loose, now: number) => string, isWide?: true];

/** A stored object of some kind, of which only a few members are read. */
type Loose = {
	readonly metadata: Stored['metadata'] & {readonly creationTimestamp?: string};
	readonly data?: object;
	readonly type?: string;
	readonly reason?: string;
	readonly message?: string;
	readonly lastTimestamp?: string;
	readonly involvedObject?: {readonly kind?: string; readonly name?: string};
	readonly spec?: {
		readonly nodeName?: string;
		readonly replicas?: number;
		readonly holderIdentity?: string;
		readonly containers?: readonly object[];
	};
	readonly status?: {
		readonly phase?: string;
		readonly podIP?: string;
		readonly readyReplicas?: number;
		readonly replicas?: number;
		readonly updatedReplicas?: number;
		readonly availableReplicas?: number;
		readonly conditions?: ReadonlyArray<{readonly type: string; readonly status: string}>;
		readonly containerStatuses?: ReadonlyArray<{readonly ready: boolean}>;
		readonly nodeInfo?: {readonly kubeletVersion?: string};
	};
};

const nameColumn: Column = ['Name', ({metadata}) => metadata.name];
const ageColumn: Column = ['Age', ({metadata}, now) => ageSince(metadata.creationTimestamp, now)];
const text = (value: number | string | undefined, absent = '<none>'): string => String(value ?? absent);
const count = (value: number | undefined): string => text(value, '0');
const isReady = ({status}: Loose): boolean => (status?.conditions ?? []).some(condition => condition.type === 'Ready' && condition.status === 'True');

const columnsOf = (kind: string): readonly Column[] => {
	switch (kind) {
		case 'Pod': {
			return [
				nameColumn,
				['Ready', ({spec, status}) => `${(status?.containerStatuses ?? []).filter(({ready}) => ready).length}/${(spec?.containers ?? []).length}`],
				['Status', ({status}) => text(status?.phase)],
				['Restarts', () => '0'],
				ageColumn,
				['IP', ({status}) => text(status?.podIP), true],
				['Node', ({spec}) => text(spec?.nodeName), true],
			];
		}

		case 'ConfigMap':
		case 'Secret': {
			return [nameColumn, ['Data', ({data}) => String(Object.keys(data ?? {}).length)], ageColumn];
		}

		case 'Deployment': {
			return [
				nameColumn,
				['Ready', ({spec, status}) => `${count(status?.readyReplicas)}/${count(spec?.replicas)}`],
				['Up-to-date', ({status}) => count(status?.updatedReplicas)],
				['Available', ({status}) => count(status?.availableReplicas)],
				ageColumn,
			];
		}

		case 'StatefulSet': {
			return [nameColumn, ['Ready', ({spec, status}) => `${count(status?.readyReplicas)}/${count(spec?.replicas)}`], ageColumn];
		}

		case 'ReplicaSet': {
			return [nameColumn, ['Desired', ({spec}) => count(spec?.replicas)], ['Current', ({status}) => count(status?.replicas)], ['Ready', ({status}) => count(status?.readyReplicas)], ageColumn];
		}

		case 'Lease': {
			return [nameColumn, ['Holder', ({spec}) => text(spec?.holderIdentity, '')], ageColumn];
		}

		case 'Namespace': {
			return [nameColumn, ['Status', ({status}) => text(status?.phase)], ageColumn];
		}

		case 'Node': {
			return [nameColumn, ['Status', node => (isReady(node) ? 'Ready' : 'NotReady')], ageColumn, ['Version', ({status}) => text(status?.nodeInfo?.kubeletVersion)]];
		}

		case 'Event': {
			return [
				['Last Seen', ({lastTimestamp}, now) => ageSince(lastTimestamp, now)],
				['Type', ({type}) => text(type)],
				['Reason', ({reason}) => text(reason)],
				['Object', ({involvedObject}) => `${involvedObject?.kind?.toLowerCase()}/${involvedObject?.name}`],
				['Message', ({message}) => text(message)],
			];
		}

		default: {
			return [nameColumn, ageColumn];
		}
	}
};
