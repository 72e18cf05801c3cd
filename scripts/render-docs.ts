/** `npm run docs`: writes the pages of docs/, and that of the chart, that are generated from the code. Tests fail if a page is out of date. */
import {readFile, writeFile} from 'node:fs/promises';
import {renderChart} from '../bench/chart.ts';
import {renderPage} from '../bench/page.ts';
import type {Conditions} from '../bench/page.ts';
import type {Summary} from '../bench/round.ts';
import {createMetrics} from '../src/metrics.ts';
import {readChart, renderChartPage} from './docs/chart-page.ts';
import {renderConfigurationPage} from './docs/configuration-page.ts';
import {renderMetricsPage} from './docs/metrics-page.ts';
import {readAlerts, renderRunbooksPage} from './docs/runbooks-page.ts';

const docs = new URL('../docs/', import.meta.url);
const write = async (name: string, page: string) => writeFile(new URL(name, docs), page);

await writeFile(new URL('../deploy/chart/README.md', import.meta.url), renderChartPage(await readChart()));
await write('configuration.md', renderConfigurationPage());
await write('metrics.md', renderMetricsPage(createMetrics()));
await write('runbooks.md', renderRunbooksPage(await readAlerts()));

// The results are measured by `npm run bench`; only their presentation is generated here.
const {summary, conditions} = JSON.parse(await readFile(new URL('benchmark/results.json', docs), 'utf8')) as {readonly summary: Summary; readonly conditions: Conditions};
await write('benchmark/README.md', renderPage(summary, conditions));
await write('benchmark/burst.svg', renderChart(summary));
