/** A terminal's lines as a picture (SVG). Pure. */
import type {Run} from './screen.ts';

const fontSize = 13;

/** Of most monospaced fonts, as a part of their size. Lines get this length whatever font the reader's system has. */
const characterWidth = 0.6 * fontSize;
const lineHeight = 18;
const margin = 16;

const colours: Readonly<Record<number, string>> = {31: '#ff7b72', 32: '#7ee787', 33: '#e3b341', 34: '#79c0ff', 35: '#d2a8ff', 36: '#56d4dd'};

/** @param columns of the terminal. */
export const renderPicture = (lines: ReadonlyArray<readonly Run[]>, columns: number): string => {
	const shown = lines.slice(0, lines.findLastIndex(line => line.some(({text}) => text.trim() !== '')) + 1);
	const width = Math.ceil(columns * characterWidth + 2 * margin);
	return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${shown.length * lineHeight + 2 * margin}" font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${fontSize}" fill="#e6edf3">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${shown.map((line, index) => renderLine(line, margin + (index + 0.75) * lineHeight)).filter(Boolean).join('\n')}
</svg>
`;
};

const renderLine = (line: readonly Run[], y: number): string => {
	let column = 0;
	return line.map(({text, codes}) => {
		const x = margin + column * characterWidth;
		column += text.length;
		return text.trim() === '' ? '' : `<text x="${x.toFixed(1)}" y="${y}" textLength="${(text.length * characterWidth).toFixed(1)}" xml:space="preserve"${attributesOf(codes)}>${escape(text)}</text>`;
	}).join('');
};

const attributesOf = (codes: readonly number[]): string => {
	const colour = colours[codes.findLast(code => colours[code]) ?? 0];
	return `${colour ? ` fill="${colour}"` : ''}${codes.includes(1) ? ' font-weight="bold"' : ''}${codes.includes(2) ? ' opacity="0.65"' : ''}`;
};

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
