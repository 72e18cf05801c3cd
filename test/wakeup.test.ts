import test from 'ava';
import {Wakeup} from '../src/wakeup.ts';
import {FakeClock} from './helpers/fake-clock.ts';

const never = new AbortController().signal;

const setUp = () => {
	const clock = new FakeClock();
	return {clock, wakeup: new Wakeup(clock)};
};

test('a wait ends after its time', async t => {
	const {clock, wakeup} = setUp();
	const wait = wakeup.wait(100, never);
	await clock.advance(99);
	t.true(await clock.isPending(wait));
	await clock.advance(1);
	t.false(await clock.isPending(wait));
});

test('a wait ends when it is notified', async t => {
	const {clock, wakeup} = setUp();
	const wait = wakeup.wait(100, never);
	wakeup.notify();
	t.false(await clock.isPending(wait));
});

test('notifications before a wait end that wait at once, and only that one', async t => {
	const {clock, wakeup} = setUp();
	wakeup.notify();
	wakeup.notify();
	t.false(await clock.isPending(wakeup.wait(100, never)));
	t.true(await clock.isPending(wakeup.wait(100, never)));
});

test('a wait ends when its signal is aborted', async t => {
	const {clock, wakeup} = setUp();
	const controller = new AbortController();
	const wait = wakeup.wait(100, controller.signal);
	controller.abort();
	t.false(await clock.isPending(wait));
});
