/** The folder with the data, keys and logs of one control plane. */
import {mkdir, mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {removeWithThisProcess} from './reaper.ts';

export type DirectoryOptions = {
	/** Default: a new folder, removed by `remove`. A folder named here is kept. */
	readonly directory?: string;
	/** Keep the new folder too. */
	readonly keep?: boolean;
};

/** Makes the folder if need be. A new one is removed by `remove`, or when this process ends. */
export const openDirectory = async ({directory, keep = false}: DirectoryOptions): Promise<{directory: string; remove: () => Promise<void>}> => {
	if (directory !== undefined) {
		await mkdir(directory, {recursive: true, mode: 0o700});
		return {directory: path.resolve(directory), remove: async () => {}};
	}

	const fresh = await mkdtemp(path.join(tmpdir(), 'hostport-control-plane-'));
	if (keep) {
		return {directory: fresh, remove: async () => {}};
	}

	const forget = removeWithThisProcess(fresh);
	return {
		directory: fresh,
		async remove() {
			await rm(fresh, {recursive: true, force: true, maxRetries: 3});
			forget();
		},
	};
};
