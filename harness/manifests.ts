/** Kubernetes objects in YAML files. */
import {readFile} from 'node:fs/promises';
import {parseAllDocuments} from 'yaml';

export type Manifest = {
	readonly apiVersion: string;
	readonly kind: string;
	readonly metadata: {readonly name?: string; readonly generateName?: string; readonly namespace?: string};
	readonly [member: string]: unknown;
};

/** The objects of a text with several YAML documents, without the documents that hold only comments. */
export const parseManifests = (text: string): Manifest[] =>
	parseAllDocuments(text).map(document => document.toJS() as Manifest | null).filter(manifest => manifest !== null);

/** All objects of a YAML file. */
export const readManifests = async (file: string | URL): Promise<Manifest[]> =>
	parseManifests(await readFile(file, 'utf8'));
