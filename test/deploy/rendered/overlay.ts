/** Overlays that combine a base with components of deploy/, as a user may write them. */
import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {stringify} from 'yaml';
import {deployFolder} from '../../../harness/rendering.ts';

/** Orders components: the others change objects that `high-availability` adds, so it comes first; `release` labels the objects of all, so it comes last. */
export const inOrder = (components: readonly string[]): string[] => components.toSorted((a, b) => rank(a) - rank(b));

const rank = (component: string): number => component === 'high-availability' ? 0 : component === 'release' ? 2 : 1;

/** Writes an overlay to a new folder in `parent`, and returns that folder. */
export const writeOverlay = async (parent: string, base: string, components: readonly string[], namespace = 'operators'): Promise<string> => {
	const folder = path.join(parent, 'overlay');
	await mkdir(folder);
	const relative = (target: string) => path.relative(folder, target);
	await writeFile(path.join(folder, 'kustomization.yaml'), stringify({
		namespace,
		resources: [relative(base)],
		components: components.map(name => relative(path.join(deployFolder, 'components', name))),
		...(namespace !== 'operators' && [base, ...components].some(part => part.endsWith('cert-manager')) && {
			transformers: [relative(path.join(deployFolder, 'transformers', 'cert-manager-namespace'))],
		}),
	}));
	return folder;
};
