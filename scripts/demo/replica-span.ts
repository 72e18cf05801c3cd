import type {Picture} from './picture.ts';
import type {Span, Style} from './text.ts';

const colours: readonly Style[] = ['cyan', 'magenta', 'yellow', 'blue'];

/** A replica has the same colour wherever it stands. */
export const replicaSpan = ({replicas}: Picture, name: string | undefined): Span => {
	const colour = colours[replicas.findIndex(replica => replica.name === name)];
	return [name ?? '', ...(colour ? [colour] : [])];
};
