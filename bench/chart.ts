/** The burst rates as a bar chart (SVG). Pure. */
import type {Summary} from './round.ts';

const barHeight = 26;
const gap = 10;
const plotWidth = 420;

/** An upper estimate for 14 px text: which font is used depends on the reader's system. */
const characterWidth = 8;

/** Room for the rate behind the longest bar. */
const rateWidth = 60;

/** An SVG with one bar for each contender: its rate in the large burst. */
export const renderChart = ({contenders}: Summary): string => {
	const labelWidth = 20 + characterWidth * Math.max(...contenders.map(({name}) => name.length));
	const fastest = Math.max(...contenders.map(({large}) => large.podsPerSecond));
	const bars = contenders.map(({name, large: {podsPerSecond}}, index) => {
		const y = 40 + index * (barHeight + gap);
		const width = podsPerSecond / fastest * plotWidth;
		const middle = y + barHeight / 2 + 5;
		return [
			`<text x="${labelWidth - 10}" y="${middle}" text-anchor="end">${name}</text>`,
			`<rect x="${labelWidth}" y="${y}" width="${width.toFixed(1)}" height="${barHeight}" rx="3" fill="${name.includes('replica') ? '#2f6fdd' : '#9aa4b2'}"/>`,
			`<text x="${(labelWidth + width + 8).toFixed(1)}" y="${middle}">${podsPerSecond.toFixed(0)}</text>`,
		].join('\n');
	});
	const height = 50 + contenders.length * (barHeight + gap);
	return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${labelWidth + plotWidth + rateWidth} ${height}" font-family="system-ui, sans-serif" font-size="14" fill="#57606a">
<text x="${labelWidth}" y="24" font-weight="600">Pods per second in a burst of 2,000, 50 requests at a time</text>
${bars.join('\n')}
</svg>
`;
};
