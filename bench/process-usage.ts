/** What a process has used so far, as the kernel counts it. */
import {readFile} from 'node:fs/promises';

export type Usage = {
	/** User and system time. */
	readonly cpuSeconds: number;
	readonly rssMb: number;
};

/** Linux counts processor time in hundredths of a second for every program, whatever the kernel's own tick (proc(5), USER_HZ). */
const ticksPerSecond = 100;

/** @throws where there is no such process. */
export const usageOf = async (pid: number): Promise<Usage> => {
	const [stat, status] = await Promise.all([readFile(`/proc/${pid}/stat`, 'utf8'), readFile(`/proc/${pid}/status`, 'utf8')]);
	// The name, in brackets, may have spaces.
	const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
	return {
		cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
		rssMb: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
	};
};
