/** Requests to the in-memory API server, and the forms that its answers have. */
import type {Refusal} from './kinds.ts';

export type ApiRequest = {
	readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
	/** With its query. */
	readonly path: string;
	readonly body?: unknown;
	readonly contentType?: string;
	readonly accept?: string;
	/** Who owns the fields that a write changes: a real API server takes it from the client's user agent. Default: another client than the operator. */
	readonly fieldManager?: string;
};

export type ApiAnswer = {readonly status: number; readonly body: unknown};

/** The `Status` object of an error. */
export const statusOf = ({status, reason, message, retryAfterSeconds}: Refusal) => ({
	kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code: status,
	...(retryAfterSeconds !== undefined && {details: {retryAfterSeconds}}),
});

/** An answer that reports an error. */
export const failure = (refusal: Refusal): ApiAnswer => ({status: refusal.status, body: statusOf(refusal)});

/** Whether a client wants the metadata of objects and nothing else. */
export const wantsMetadataOnly = ({accept}: Pick<ApiRequest, 'accept'>): boolean => accept?.includes('PartialObjectMetadata') ?? false;

/** An object or a list, reduced to metadata. An empty list has `items: null`, as a real API server writes it. */
export const metadataOf = (body: unknown): unknown => {
	const {metadata, items} = body as {metadata: unknown; items?: ReadonlyArray<{metadata: unknown}>};
	const shared = {apiVersion: 'meta.k8s.io/v1', metadata};
	return items
		? {...shared, kind: 'PartialObjectMetadataList', items: items.length === 0 ? null : items.map(item => ({apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata: item.metadata}))}
		: {...shared, kind: 'PartialObjectMetadata'};
};
