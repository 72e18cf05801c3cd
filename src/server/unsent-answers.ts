/** Bounds the time and the memory of answers that clients do not read. */
import type Koa from 'koa';
import {BytePool} from './byte-pool.ts';

export type UnsentAnswersOptions = {
	/** Called when a connection is closed before its answer was sent, with a sentence for the log. */
	readonly onClosed: (message: string) => void;
	/** How long a client may take to read an answer, milliseconds. */
	readonly drainMs: number;
};

/** Bounds the memory of all unsent answers: some thousand normal ones. Answers of a megabyte need a Pod with hundreds of containers. */
const maximumUnsentBytes = 16 * 1024 * 1024;

/**
 * @returns a function to call when the answer of a request is complete and before it is sent. Closes the connection if the
 * answer is not sent in time, or if it has to make room for others.
 */
export const createUnsentAnswers = ({onClosed, drainMs}: UnsentAnswersOptions): (context: Koa.Context) => void => {
	const pool = new BytePool(maximumUnsentBytes);
	return context => {
		const {req: {socket}, res, ip} = context;
		// Koa sets it later if it will send only the status as text.
		const length = Number(res.getHeader('Content-Length') ?? 0);
		const close = (reason: string) => {
			onClosed(`${reason}: closed the connection from ${ip}, which had not read its answer of ${length} bytes`);
			socket.destroy();
			end();
		};

		const timer = setTimeout(() => close(`${drainMs / 1000} s have passed`), drainMs);
		const holding = pool.hold(() => close('too many answers are unsent'));
		const end = () => {
			clearTimeout(timer);
			holding.end();
		};

		// Node emits it once the operating system has the whole answer, or the connection has ended.
		res.once('close', end);
		holding.grow(length);
	};
};
