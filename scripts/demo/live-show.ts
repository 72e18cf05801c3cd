/** For a terminal: a picture that is drawn again and again. */
import type {WriteStream} from 'node:tty';
import {createLogShow} from './log-show.ts';
import {painter} from './painter.ts';
import {pictureOf} from './picture.ts';
import type {Scene} from './scene.ts';
import {screenLines} from './screen-lines.ts';
import {createScreen} from './screen.ts';
import type {Show} from './show.ts';
import {render} from './text.ts';

/** Often enough for the eye, seldom enough for a machine that has better things to do. */
const drawIntervalMs = 100;

/** So that the last picture and what was found can be seen together. */
const rowsForTheEnd = 12;

export const createLiveShow = (scene: Scene, stream: WriteStream): Show => {
	const paint = painter(stream);
	let caption = '';
	let later: Show | undefined;
	const screen = createScreen(stream);
	const draw = (rowsBelow = 1) => {
		const size = {columns: stream.columns || 80, rows: Math.max((stream.rows || 24) - rowsBelow, 1)};
		screen.draw(screenLines(pictureOf(scene, caption, performance.now()), size).map(line => render(line, paint)));
	};

	const timer = setInterval(() => draw(), drawIntervalMs);
	const onResize = () => {
		screen.clear();
		draw();
	};

	stream.on('resize', onResize);
	let hasEnded = false;
	return {
		isLive: true,
		say(sentence) {
			caption = sentence;
		},
		changed() {
			later?.changed();
		},
		end() {
			later?.end();
			if (!hasEnded) {
				hasEnded = true;
				clearInterval(timer);
				stream.off('resize', onResize);
				caption = '';
				draw(rowsForTheEnd);
				screen.end();
				stream.write('\n');
			}
		},
		goOn() {
			later = createLogShow(scene, stream);
		},
	};
};
