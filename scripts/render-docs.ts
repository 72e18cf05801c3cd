/** Writes the pages that are made from the code; a test says when they differ. */
import {writeFile} from 'node:fs/promises';
import {renderConfigurationPage} from '../src/config-docs.ts';

await writeFile(new URL('../docs/configuration.md', import.meta.url), renderConfigurationPage());
