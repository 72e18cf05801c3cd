/** Splits an endless answer, such as a watch, into its lines. */
import type {Readable} from 'node:stream';

/** Characters. Bounds the memory that a broken or hostile server can use. An object has at most 1.5 MiB in etcd, and six characters per byte in JSON. */
const longestLine = 16 * 1024 * 1024;

/**
 * Yields each line without its end as soon as that has arrived. What follows the last end is no line.
 *
 * @param stream of UTF-8.
 * @throws the stream's error, and an Error if a line is longer than 16 Mi characters.
 */
export const linesOf = async function * (stream: Readable): AsyncGenerator<string> {
	let line = '';
	for await (const chunk of stream.setEncoding('utf8') as AsyncIterable<string>) {
		// Only the chunk is searched for line ends: searching the whole line again for each chunk would take quadratic time.
		const [first = '', ...others] = chunk.split('\n');
		line += first;
		for (const other of others) {
			yield line;
			line = other;
		}

		if (line.length > longestLine) {
			throw new Error(`a line of the API server's answer is longer than ${longestLine} characters`);
		}
	}
};
