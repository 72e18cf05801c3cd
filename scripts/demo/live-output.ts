/** Output for a terminal: the live view, redrawn several times a second. */
import type {WriteStream} from 'node:tty';
import {liveView} from './live-view.ts';
import {createLogOutput} from './log-output.ts';
import {paintFor} from './output.ts';
import type {Output} from './output.ts';
import {snapshotOf} from './snapshot.ts';
import type {DemoState} from './state.ts';
import {render} from './styled-text.ts';
import {createTerminal} from './terminal.ts';

/** Looks smooth, and leaves the processor to the cluster. */
const drawIntervalMs = 100;

/** Rows left free below the last picture, so that the report fits on the same screen. */
const reportRows = 12;

export const createLiveOutput = (state: DemoState, stream: WriteStream): Output => {
	const paint = paintFor(stream);
	const terminal = createTerminal(stream);
	let caption = '';
	let log: Output | undefined;
	const draw = (rowsBelow = 1) => {
		const size = {columns: stream.columns || 80, rows: Math.max((stream.rows || 24) - rowsBelow, 1)};
		terminal.draw(liveView(snapshotOf(state, caption, performance.now()), size).map(line => render(line, paint)));
	};

	const timer = setInterval(() => draw(), drawIntervalMs);
	const onResize = () => {
		terminal.clear();
		draw();
	};

	stream.on('resize', onResize);
	let isFinished = false;
	return {
		isLive: true,
		announce(sentence) {
			caption = sentence;
		},
		update() {
			log?.update();
		},
		finish() {
			log?.finish();
			if (!isFinished) {
				isFinished = true;
				clearInterval(timer);
				stream.off('resize', onResize);
				caption = '';
				draw(reportRows);
				terminal.end();
				stream.write('\n');
			}
		},
		continueAsLog() {
			log = createLogOutput(state, stream);
		},
	};
};
