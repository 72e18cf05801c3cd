import {Readable} from 'node:stream';
import test from 'ava';
import {linesOf} from '../../src/kubernetes/lines.ts';
import {collect} from '../helpers/collect.ts';

const linesIn = async (...chunks: ReadonlyArray<string | Buffer>): Promise<string[]> => collect(linesOf(Readable.from(chunks.map(chunk => Buffer.from(chunk)))));

test('lines arrive whole, however they are cut into chunks', async t => {
	const text = '{"a":1}\n{"b":"ü"}\n\n{"c":3}\n';
	for (let size = 1; size <= text.length; size++) {
		const bytes = Buffer.from(text);
		const chunks = Array.from({length: Math.ceil(bytes.length / size)}, (_, index) => bytes.subarray(index * size, (index + 1) * size));
		t.deepEqual(await linesIn(...chunks), ['{"a":1}', '{"b":"ü"}', '', '{"c":3}'], `${size} bytes in a chunk`);
	}
});

test('what follows the last line end is no line', async t => {
	t.deepEqual(await linesIn('a\nb'), ['a']);
	t.deepEqual(await linesIn(''), []);
});

test('a line is yielded before the next one arrives', async t => {
	const stream = new Readable({read() {}});
	const lines = linesOf(stream);
	stream.push('a\nb');
	t.is((await lines.next()).value, 'a');
	stream.push('c\n');
	t.is((await lines.next()).value, 'bc');
	stream.destroy();
});

test('a line of 16 Mi characters is read in linear time, and a longer one ends the watch', async t => {
	const chunk = 'a'.repeat(4096);
	const full = Array.from({length: 4096}, () => chunk);
	const [line] = await linesIn(...full, '\n');
	t.is(line?.length, 16 * 1024 * 1024);
	await t.throwsAsync(linesIn(...full, 'a'), {message: 'a line of the API server\'s answer is longer than 16777216 characters'});
});
