/** `npm run docs`: writes the pages of docs/ that are generated from the code. Tests fail if a page is out of date. */
import {writeFile} from 'node:fs/promises';
import {createMetrics} from '../src/metrics.ts';
import {renderConfigurationPage} from './docs/configuration-page.ts';
import {renderMetricsPage} from './docs/metrics-page.ts';
import {readAlerts, renderRunbooksPage} from './docs/runbooks-page.ts';

const write = async (name: string, page: string) => writeFile(new URL(`../docs/${name}`, import.meta.url), page);

await write('configuration.md', renderConfigurationPage());
await write('metrics.md', renderMetricsPage(createMetrics()));
await write('runbooks.md', renderRunbooksPage(await readAlerts()));
