/** The Pod's name and ordinal, as far as they are known before the Pod is stored. Pure. */
import {DenialError} from '../errors.ts';
import type {Pod} from './pod.ts';
import type {AdmissionRequest} from './review.ts';
import {quote} from './quote.ts';

/** A DNS subdomain, as Kubernetes demands of a Pod's name. The API server checks it only after us, and we write the name into the ledger. */
const podName = /^[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?$/;

/** Characters of the names that are not checked before us, in the ledger's name of a Pod. A generated name has at most 58 of `generateName`. */
const maximumLength = {generateName: 58, kind: 30, owner: 58};

/**
 * What the ledger calls the Pod: `game/server-0`, or `game/server-7d9f- (ReplicaSet server-7d9f)` before it has a name.
 * The two forms never look alike: otherwise a Pod of such a name could take over the ports of an unnamed Pod. The parts of
 * the second form are for people, so they may be shortened; a fixed name stays whole, as it decides who takes over.
 *
 * @throws {DenialError} 400 if Kubernetes would reject the name.
 */
export const identifyPod = (
	{namespace, name: requestedName}: Pick<AdmissionRequest, 'namespace' | 'name'>,
	{metadata}: Pod,
): {readonly pod: string; readonly hasFixedName: boolean} => {
	const name = metadata.name || requestedName;
	if (!name) {
		const controller = controllerOf({metadata});
		const origin = controller ? `${bounded(controller.kind, maximumLength.kind)} ${bounded(controller.name, maximumLength.owner)}` : 'no controller';
		return {pod: `${namespace}/${bounded(metadata.generateName ?? '', maximumLength.generateName)} (${origin})`, hasFixedName: false};
	}

	if (!podName.test(name)) {
		throw new DenialError(400, `The Pod's name is ${quote(name)}: use at most 253 lower case letters, digits, "-" and ".", and begin and end with a letter or digit`);
	}

	return {pod: `${namespace}/${name}`, hasFixedName: true};
};

/**
 * A name for a ledger entry: "?" if it has characters that no Kubernetes name has, and shortened if it is long. Every entry
 * must be small: a ConfigMap holds 1 MiB, and a page has up to 1,500 entries.
 */
const bounded = (name: string, length: number): string => {
	const short = name.length > length ? `${name.slice(0, length - 3)}...` : name;
	return /^[\w.:-]*$/.test(short) ? short : '?';
};

/** The Pod's position in its StatefulSet or indexed Job; undefined if it has none. */
export const ordinalOf = ({metadata}: Pick<Pod, 'metadata'>, requestedName: string): number | undefined => {
	const controller = controllerOf({metadata})?.kind;
	return readOrdinal(metadata.labels?.['apps.kubernetes.io/pod-index'])
		?? (controller === 'StatefulSet' ? readOrdinal(/-(\d+)$/.exec(metadata.name || requestedName)?.[1]) : undefined)
		?? (controller === 'Job' ? readOrdinal(metadata.annotations?.['batch.kubernetes.io/job-completion-index']) : undefined);
};

const controllerOf = ({metadata}: Pick<Pod, 'metadata'>) => metadata.ownerReferences?.find(({controller}) => controller === true);

const readOrdinal = (text: string | undefined): number | undefined => {
	const ordinal = /^\d{1,16}$/.test(text ?? '') ? Number(text) : Number.NaN;
	return Number.isSafeInteger(ordinal) ? ordinal : undefined;
};
