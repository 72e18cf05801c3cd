import test from 'ava';
import {BodyPool} from '../../src/server/body-pool.ts';

const start = () => {
	const pool = new BodyPool(100);
	const turnedAway: string[] = [];
	return {turnedAway, read: (name: string) => pool.read(() => turnedAway.push(name))};
};

test('as long as there is room, nobody is turned away', t => {
	const {turnedAway, read} = start();
	const [a, b] = [read('a'), read('b')];
	a.grow(60);
	b.grow(40);
	a.end();
	b.grow(60);
	t.deepEqual(turnedAway, []);
});

test('whoever has sent most makes room for whoever comes', t => {
	const {turnedAway, read} = start();
	const [a, b, c] = [read('a'), read('b'), read('c')];
	a.grow(30);
	b.grow(60);
	c.grow(11);
	t.deepEqual(turnedAway, ['b']);
	c.grow(59);
	t.deepEqual(turnedAway, ['b']);
	a.grow(1);
	t.deepEqual(turnedAway, ['b', 'c']);
});

test('a body that is larger than all there is makes room itself', t => {
	const {turnedAway, read} = start();
	read('a').grow(50);
	read('b').grow(101);
	t.deepEqual(turnedAway, ['b']);
});

test('what was turned away counts no more, and is told once', t => {
	const {turnedAway, read} = start();
	const [a, b] = [read('a'), read('b')];
	a.grow(101);
	a.grow(1000);
	a.end();
	a.end();
	b.grow(100);
	t.deepEqual(turnedAway, ['a']);
});
