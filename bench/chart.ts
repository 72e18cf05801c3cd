/** Burst rates as bars, in a picture that a README can show. */
import type {Summary} from './round.ts';

const barHeight = 26;
const gap = 10;
const labelWidth = 150;
const plotWidth = 420;

/** An SVG in which each contender has a bar for its rate in the large burst. */
export const renderChart = ({contenders}: Summary): string => {
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
	return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 ${height}" font-family="system-ui, sans-serif" font-size="14" fill="#57606a">
<text x="${labelWidth}" y="24" font-weight="600">Pods per second in a burst of 2,000, fifty at a time</text>
${bars.join('\n')}
</svg>
`;
};
