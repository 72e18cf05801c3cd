import test from 'ava';
import {BytePool} from '../../src/server/byte-pool.ts';

const start = () => {
	const pool = new BytePool(100);
	const givenUp: string[] = [];
	return {givenUp, hold: (name: string) => pool.hold(() => givenUp.push(name))};
};

test('nothing is given up while there is room', t => {
	const {givenUp, hold} = start();
	const [a, b] = [hold('a'), hold('b')];
	a.grow(60);
	b.grow(40);
	a.end();
	b.grow(60);
	t.deepEqual(givenUp, []);
});

test('the largest holding makes room', t => {
	const {givenUp, hold} = start();
	const [a, b, c] = [hold('a'), hold('b'), hold('c')];
	a.grow(30);
	b.grow(60);
	c.grow(11);
	t.deepEqual(givenUp, ['b']);
	c.grow(59);
	t.deepEqual(givenUp, ['b']);
	a.grow(1);
	t.deepEqual(givenUp, ['b', 'c']);
});

test('a holding that is larger than the pool is given up itself', t => {
	const {givenUp, hold} = start();
	hold('a').grow(50);
	hold('b').grow(101);
	t.deepEqual(givenUp, ['b']);
});

test('a holding that was given up no longer counts, and is given up only once', t => {
	const {givenUp, hold} = start();
	const [a, b] = [hold('a'), hold('b')];
	a.grow(101);
	a.grow(1000);
	a.end();
	a.end();
	b.grow(100);
	t.deepEqual(givenUp, ['a']);
});
