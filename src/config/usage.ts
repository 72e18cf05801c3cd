/** The table of options as people read it: on a terminal, and as `docs/configuration.md`. Pure. */
import {flagOf, options, variableOf} from './options.ts';
import type {Option} from './options.ts';
import {formatPortRange, highestPort, lowestPort} from '../ports/port-range.ts';

/** The table of options, for a terminal with 100 columns. */
export const renderUsage = (): string => {
	const rows = Object.entries<Option<unknown>>(options).map(([name, {placeholder, description, ...rest}]) => {
		const fallback = defaultOf(rest, '');
		return [`  --${flagOf(name)} ${placeholder}`, `${description.replaceAll('`', '')}${fallback && ` (default: ${fallback})`}`] as const;
	});
	const width = Math.max(...rows.map(([flag]) => flag.length));
	return rows.map(([flag, description]) => `${flag.padEnd(width)}  ${wrapped(description, 100 - width - 2).join(`\n${' '.repeat(width + 2)}`)}`).join('\n');
};

/** Splits text into lines of at most `width` characters. A longer word gets a line of its own. */
const wrapped = (text: string, width: number): string[] =>
	[...text.matchAll(new RegExp(String.raw`\S(?:.{0,${width - 2}}\S)?(?=\s|$)|\S+`, 'g'))].map(([line]) => line);

/** `docs/configuration.md`. */
export const renderConfigurationPage = (): string => `# Configuration

\`hostport-operator serve\` takes these flags. Each is also an environment variable, which counts where the flag is not given and the variable is not empty. Where a flag is given more than once, the last counts, unless it is repeatable. A value that can't be used ends the program at start, with exit code 2 and a sentence that says why.

| flag | variable | default | meaning |
|---|---|---|---|
${Object.entries<Option<unknown>>(options).map(([name, {placeholder, description, ...rest}]) =>
	`| \`--${flagOf(name)} ${placeholder}\` | \`${variableOf(name)}\` | ${defaultOf(rest, '`') || '–'} | ${description} |`).join('\n')}

A duration is a whole number with its unit: \`500ms\`, \`3s\`, \`2m\`, \`12h\`, \`90d\`. A range of ports is \`first-last\`, where both belong to it, or a single number; all ports are \`${formatPortRange({first: lowestPort, last: highestPort})}\`. A port to listen on may be \`0\`, for any free one.

This page is made from the table in \`src/config/options.ts\`, by \`npm run docs\`.
`;

const defaultOf = ({default: value, defaultDescription}: Pick<Option<unknown>, 'default' | 'defaultDescription'>, quote: string): string =>
	defaultDescription ?? (value === undefined ? '' : `${quote}${value}${quote}`);
