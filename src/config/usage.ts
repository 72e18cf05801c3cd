/** The table of options as the program prints it. Pure. */
import {flagOf, options} from './options.ts';
import type {Option} from './options.ts';

/** The table of options, for a terminal with 100 columns. */
export const renderUsage = (): string => {
	const rows = Object.entries<Option<unknown>>(options).map(([name, option]) => {
		const fallback = defaultOf(option, '');
		return [`  --${flagOf(name)} ${option.placeholder}`, `${option.description.replaceAll('`', '')}${fallback && ` (default: ${fallback})`}`] as const;
	});
	const width = Math.max(...rows.map(([flag]) => flag.length));
	return rows.map(([flag, description]) => `${flag.padEnd(width)}  ${wrap(description, 100 - width - 2).join(`\n${' '.repeat(width + 2)}`)}`).join('\n');
};

/** An option's default in words, or as a value between `quote`s. Empty if it has none. */
export const defaultOf = ({default: value, defaultDescription}: Pick<Option<unknown>, 'default' | 'defaultDescription'>, quote: string): string =>
	defaultDescription ?? (value === undefined ? '' : `${quote}${value}${quote}`);

/** Lines of at most `width` characters, unless a word is longer. */
const wrap = (text: string, width: number): string[] =>
	[...text.matchAll(new RegExp(String.raw`\S(?:.{0,${width - 2}}\S)?(?=\s|$)|\S+`, 'g'))].map(([line]) => line);
