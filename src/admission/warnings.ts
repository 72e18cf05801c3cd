/**
 * What a Pod's author should know although the Pod is let through. Pure.
 *
 * Kubernetes advises at most 120 characters for a warning, and may drop what is more than 4,096 in all.
 */
import {allocatedAnnotationPrefix} from '../ports/host-port-use.ts';
import {annotationPrefix, optionAnnotations} from './annotations.ts';
import type {Annotations} from './annotations.ts';
import type {AllocationOptions} from './options.ts';
import {shortened} from './quote.ts';

/** Where Linux begins to take ports for outgoing connections (`net.ipv4.ip_local_port_range`). */
const firstEphemeralPort = 32_768;

/** Someone who mistyped more than this will find the rest after the first correction. */
const mostUnknownAnnotations = 5;

const knownNames: readonly string[] = Object.values(optionAnnotations);

/** Warnings about the annotations of a Pod that asks for host ports: unknown names, and a range that reaches into the ephemeral ports. */
export const warningsAbout = (annotations: Annotations, {maxPort}: AllocationOptions): string[] => [
	...Object.keys(annotations ?? {})
		.filter(name => isUnknown(name))
		.slice(0, mostUnknownAnnotations)
		.map(name => `unknown annotation ${shortened(name, 40)} is ignored; the nearest known is ${nearestKnown(name)}`),
	...(maxPort >= firstEphemeralPort
		? [`hostport.io: ports up to ${maxPort} may be given, and from ${firstEphemeralPort} outgoing connections may hold them`]
		: []),
];

const isUnknown = (name: string): boolean =>
	name.startsWith(annotationPrefix) && !name.startsWith(allocatedAnnotationPrefix) && !knownNames.includes(name);

const nearestKnown = (name: string): string => {
	// The name of an annotation has at most 63 characters; a longer one is refused after us, and resembles nothing.
	const seen = name.slice(annotationPrefix.length, annotationPrefix.length + 63).toLowerCase();
	const distances = knownNames.map(known => ({known, distance: editDistance(seen, known.slice(annotationPrefix.length))}));
	return distances.reduce((best, next) => next.distance < best.distance ? next : best).known;
};

/** How many characters to insert, drop or change to get from one short word to another (Levenshtein). */
const editDistance = (from: string, to: string): number => {
	let row = Array.from({length: to.length + 1}, (_, column) => column);
	for (let line = 1; line <= from.length; line++) {
		const next = [line];
		for (let column = 1; column <= to.length; column++) {
			const change = from[line - 1] === to[column - 1] ? 0 : 1;
			next.push(Math.min(cell(row, column - 1) + change, cell(row, column) + 1, cell(next, column - 1) + 1));
		}

		row = next;
	}

	return cell(row, to.length);
};

const cell = (row: readonly number[], column: number): number => row[column] ?? 0;
