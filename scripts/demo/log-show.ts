/** For a file or a pipe: a line for each event, and no control characters. */
import {linesBetween} from './log-lines.ts';
import {pictureOf} from './picture.ts';
import type {Picture} from './picture.ts';
import type {Scene} from './scene.ts';
import type {Show} from './show.ts';
import {seconds} from './text.ts';

/** What happens within this time is told together, in the order of the picture. */
const gatherMs = 50;

/** Begins with what the scene is now: only what is new is told. */
export const createLogShow = (scene: Scene, stream: NodeJS.WriteStream): Show => {
	let shown: Picture = pictureOf(scene, '', 0);
	let isOver = false;
	let timer: NodeJS.Timeout | undefined;
	const write = (sentence: string) => {
		stream.write(`${seconds(performance.now()).padStart(8)}  ${sentence}\n`);
	};

	const tell = () => {
		clearTimeout(timer);
		timer = undefined;
		const picture = pictureOf(scene, '', 0);
		for (const line of linesBetween(shown, picture)) {
			write(line);
		}

		shown = picture;
	};

	return {
		isLive: false,
		say(sentence) {
			tell();
			write(sentence);
		},
		changed() {
			if (!isOver) {
				timer ??= setTimeout(tell, gatherMs);
			}
		},
		end() {
			if (!isOver) {
				tell();
				isOver = true;
			}
		},
		goOn() {
			isOver = false;
			shown = pictureOf(scene, '', 0);
		},
	};
};
