/** Reads how much memory a process uses (Linux). */
import {readFile} from 'node:fs/promises';

export type ProcessMemory = {
	/** Resident set, in MiB. */
	readonly rssMb: number;
	/** The largest resident set so far, in MiB. */
	readonly peakRssMb: number;
};

/** @throws when there is no such process, or no /proc. */
export const memoryOf = async (pid: number): Promise<ProcessMemory> => {
	const status = await readFile(`/proc/${pid}/status`, 'utf8');
	const mb = (name: string) => Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024);
	return {rssMb: mb('VmRSS'), peakRssMb: mb('VmHWM')};
};
