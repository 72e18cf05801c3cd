/**
 * Has certificates made by a process that ends: the X.509 library takes 17 MB, which a replica would keep for something
 * that it does once in two months (docs/adr/0007-certificates.md).
 */
import {spawn} from 'node:child_process';
import {text} from 'node:stream/consumers';
import type {Made, Order} from './order.ts';

/** The command of this program by which it makes certificates: an `Order` on standard input, `Made` on standard output, both JSON. */
export const makeCommand = 'make-certificates';

/**
 * Keys go through pipes, never through files or arguments.
 *
 * @throws what went wrong there, or the signal's reason.
 */
export const makeElsewhere = async (order: Order, signal: AbortSignal): Promise<Made> => {
	signal.throwIfAborted();
	const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, makeCommand], {signal, env: {}, stdio: 'pipe'});
	const {promise: ended, resolve, reject} = Promise.withResolvers<number | null>();
	child.once('error', reject).once('close', resolve);
	// It may end before it has read everything: its exit code tells.
	child.stdin.on('error', () => {});
	child.stdin.end(JSON.stringify(order));
	const [code, made, problem] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
	if (code !== 0) {
		throw new Error(`no certificate could be made: exit code ${code}, ${problem.trim().slice(0, 500)}`);
	}

	return JSON.parse(made) as Made;
};
