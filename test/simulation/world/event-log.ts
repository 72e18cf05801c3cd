/** The events of a run, line by line: hashed, so that two runs can be compared, and shown on request. */

export class EventLog {
	#hash = 0x81_1C_9D_C5;
	readonly #now: () => number;
	readonly #show: ((line: string) => void) | undefined;

	/** @param show receives every line, when one seed is run to be read. */
	constructor(now: () => number, show?: (line: string) => void) {
		this.#now = now;
		this.#show = show;
	}

	/** False when no reader follows the run: then lines that are only for reading need not be made. */
	get isShown(): boolean {
		return this.#show !== undefined;
	}

	/** FNV-1a of all lines written: the same for every run of a seed. */
	get hash(): string {
		return (this.#hash >>> 0).toString(16).padStart(8, '0');
	}

	write(line: string): void {
		const text = `${this.#now().toFixed(3)} ${line}`;
		for (let index = 0; index < text.length; index++) {
			this.#hash = Math.imul(this.#hash ^ text.charCodeAt(index), 0x01_00_01_93);
		}

		this.#show?.(text);
	}

	/** Shows a line that is not hashed. */
	remark(line: () => string): void {
		this.#show?.(`${this.#now().toFixed(3)} ${line()}`);
	}
}
