/** What happened, line by line: a number that is the same for the same run, and the text for whoever wants to read it. */

export class Journal {
	#hash = 0x81_1C_9D_C5;
	readonly #now: () => number;
	readonly #show: ((line: string) => void) | undefined;

	/** @param show gets every line of a run that somebody follows. */
	constructor(now: () => number, show?: (line: string) => void) {
		this.#now = now;
		this.#show = show;
	}

	/** Whether it is worth the while to make lines that only people read. */
	get isShown(): boolean {
		return this.#show !== undefined;
	}

	/** Two runs of the same seed have the same (FNV-1a). */
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

	/** Shown, but no part of the run. */
	remark(line: () => string): void {
		this.#show?.(`${this.#now().toFixed(3)} ${line()}`);
	}
}
