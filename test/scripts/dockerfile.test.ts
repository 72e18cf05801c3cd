import {readFile} from 'node:fs/promises';
import test from 'ava';
import {entrypoint, userId} from '../../scripts/image-rootfs.ts';
import {environment} from '../../scripts/build/node-flags.ts';
import {version} from '../../src/version.ts';

const read = async (name: string): Promise<string> => readFile(new URL(`../../${name}`, import.meta.url), 'utf8');

/** The arguments of each instruction with this name, in order. */
const instructions = (dockerfile: string, name: string): string[] =>
	[...dockerfile.replaceAll('\\\n', ' ').matchAll(new RegExp(`^${name} +(.*)$`, 'gm'))].map(([, rest = '']) => rest);

test('the Dockerfile agrees with scripts/image-rootfs.ts and scripts/build/node-flags.ts', async t => {
	const dockerfile = await read('Dockerfile');
	t.deepEqual(instructions(dockerfile, 'ENTRYPOINT').map(text => JSON.parse(text) as unknown), [entrypoint]);
	t.deepEqual(instructions(dockerfile, 'ENV'), Object.entries(environment).map(([name, value]) => `${name}=${value}`));
	t.deepEqual(instructions(dockerfile, 'CMD'), ['["serve"]']);
	t.deepEqual(instructions(dockerfile, 'USER'), [`${userId}:${userId}`]);
	t.deepEqual(instructions(dockerfile, 'FROM'), ['${NODE_IMAGE} AS build', 'scratch']);
	t.deepEqual(instructions(dockerfile, 'COPY').filter(text => text.startsWith('--from')), ['--from=build /rootfs /']);
});

test('the base image is pinned by its digest', async t => {
	const [image, labelled] = instructions(await read('Dockerfile'), 'ARG');
	t.regex(image ?? '', /^NODE_IMAGE=node:24-bookworm-slim@sha256:[\da-f]{64}$/);
	t.is(labelled, `VERSION=${version}`);
});

test('.dockerignore lets in only what the Dockerfile copies', async t => {
	const copied = instructions(await read('Dockerfile'), 'COPY').filter(text => !text.startsWith('--from')).flatMap(text => text.split(/ +/).slice(0, -1));
	const allowed = (await read('.dockerignore')).trim().split('\n');
	t.is(allowed[0], '*');
	t.deepEqual(allowed.slice(1).map(line => line.slice(1)).toSorted(), copied.toSorted());
});
