/** The table of options as a page: `docs/configuration.md`. Pure. */
import {defaultOf} from '../../src/config/usage.ts';
import {flagOf, options, variableOf} from '../../src/config/options.ts';
import type {Option} from '../../src/config/options.ts';
import {formatPortRange, highestPort, lowestPort} from '../../src/ports/port-range.ts';

/** `docs/configuration.md`. */
export const renderConfigurationPage = (): string => `# Configuration

\`hostport-operator serve\` takes these flags. Each flag also has an environment variable, which is used if the flag is not given and the variable is not empty. If a flag is given more than once, the last one counts, unless the flag is repeatable. If a value is invalid, the program exits at start with code 2 and a message that says why.

| flag | variable | default | meaning |
|---|---|---|---|
${Object.entries<Option<unknown>>(options).map(([name, option]) =>
	`| \`--${flagOf(name)} ${option.placeholder}\` | \`${variableOf(name)}\` | ${defaultOf(option, '`') || '–'} | ${option.description} |`).join('\n')}

A duration is a whole number with a unit: \`500ms\`, \`3s\`, \`2m\`, \`12h\`, \`90d\`. A port range is \`first-last\`, both included, or a single number; the range of all ports is \`${formatPortRange({first: lowestPort, last: highestPort})}\`. A port to listen on may be \`0\`: the program then takes any free port.

This page is made from the table in \`src/config/options.ts\`, by \`npm run docs\`.
`;
