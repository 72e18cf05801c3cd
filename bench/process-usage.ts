/** Processor time and memory of a process, from /proc. */
import {readFile} from 'node:fs/promises';

export type Usage = {
	/** User and system time since its start. */
	readonly cpuSeconds: number;
	readonly rssMb: number;
};

/** /proc counts processor time in hundredths of a second, whatever the kernel's own tick (USER_HZ in proc(5)). */
const ticksPerSecond = 100;

/** @throws if there is no such process. */
export const usageOf = async (pid: number): Promise<Usage> => {
	const [stat, status] = await Promise.all([readFile(`/proc/${pid}/stat`, 'utf8'), readFile(`/proc/${pid}/status`, 'utf8')]);
	// The second field is the name in brackets, which may contain spaces.
	const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
	return {
		cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
		rssMb: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
	};
};
