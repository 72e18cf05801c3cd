import test from 'ava';
import {BodyPool} from '../../src/server/body-pool.ts';

const start = () => {
	const pool = new BodyPool(100);
	const rejected: string[] = [];
	return {rejected, read: (name: string) => pool.read(() => rejected.push(name))};
};

test('no body is rejected while there is room', t => {
	const {rejected, read} = start();
	const [a, b] = [read('a'), read('b')];
	a.grow(60);
	b.grow(40);
	a.end();
	b.grow(60);
	t.deepEqual(rejected, []);
});

test('the largest unfinished body makes room', t => {
	const {rejected, read} = start();
	const [a, b, c] = [read('a'), read('b'), read('c')];
	a.grow(30);
	b.grow(60);
	c.grow(11);
	t.deepEqual(rejected, ['b']);
	c.grow(59);
	t.deepEqual(rejected, ['b']);
	a.grow(1);
	t.deepEqual(rejected, ['b', 'c']);
});

test('a body that is larger than the pool is rejected itself', t => {
	const {rejected, read} = start();
	read('a').grow(50);
	read('b').grow(101);
	t.deepEqual(rejected, ['b']);
});

test('a rejected body no longer counts, and is rejected only once', t => {
	const {rejected, read} = start();
	const [a, b] = [read('a'), read('b')];
	a.grow(101);
	a.grow(1000);
	a.end();
	a.end();
	b.grow(100);
	t.deepEqual(rejected, ['a']);
});
