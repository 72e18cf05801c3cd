/** Writes the pages that are made from the code; a test says when they differ. */
import {writeFile} from 'node:fs/promises';
import {renderConfigurationPage} from '../src/config/usage.ts';
import {renderMetricsPage} from './docs/metrics-page.ts';
import {createMetrics} from '../src/metrics.ts';
import {readAlerts, renderRunbooksPage} from './docs/runbooks-page.ts';

const write = async (name: string, page: string) => writeFile(new URL(`../docs/${name}`, import.meta.url), page);

await write('configuration.md', renderConfigurationPage());
await write('metrics.md', renderMetricsPage(createMetrics()));
await write('runbooks.md', renderRunbooksPage(await readAlerts()));
