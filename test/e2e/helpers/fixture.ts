/** Things that a file's tests share: started before the first test, ended after the last. */
import type {ExecutionContext, TestFn} from 'ava';

/** Lets a test or a hook take as long as the first run on a machine needs. */
export const allowBuild = (t: ExecutionContext): void => {
	t.timeout(20 * 60_000, 'the first run builds the control plane');
};

/**
 * Calls `start` before the file's tests, after the fixtures that were used before, and disposes of `started` after the tests, whatever their results.
 *
 * @returns reads what `start` resolved with. Call it inside tests.
 */
export const useFixture = <Fixture>(test: TestFn, start: (t: ExecutionContext, started: AsyncDisposableStack) => Promise<Fixture>): (() => Fixture) => {
	const started = new AsyncDisposableStack();
	let fixture: {readonly value: Fixture} | undefined;
	test.serial.before(async t => {
		allowBuild(t);
		fixture = {value: await start(t, started)};
	});
	test.serial.after.always(async () => started.disposeAsync());
	return () => {
		if (!fixture) {
			throw new Error('the fixture has not started');
		}

		return fixture.value;
	};
};
