import {readFileSync} from 'node:fs';
import test from 'ava';
import {renderChart} from '../../bench/chart.ts';
import {renderPage} from '../../bench/page.ts';
import type {Conditions} from '../../bench/page.ts';
import type {Summary} from '../../bench/round.ts';

const read = (name: string): string => readFileSync(new URL(`../../docs/benchmark/${name}`, import.meta.url), 'utf8');
const {summary, conditions} = JSON.parse(read('results.json')) as {readonly summary: Summary; readonly conditions: Conditions};

test('the benchmark\'s page and chart agree with its results', t => {
	t.is(read('README.md'), renderPage(summary, conditions), 'Run `npm run docs`, and commit what it has changed.');
	t.is(read('burst.svg'), renderChart(summary), 'Run `npm run docs`, and commit what it has changed.');
});

test('the chart has room for the longest label', t => {
	const labels = [...renderChart(summary).matchAll(/<text x="(\d+)" [^>]*text-anchor="end">([^<]+)</g)];
	t.is(labels.length, summary.contenders.length);
	for (const [, right, label = ''] of labels) {
		// At 14 px, letters of common sans-serif fonts are 7.5 px wide on average at most.
		t.true(Number(right) >= 7.5 * label.length, label);
	}
});
