/**
 * `node scripts/image-rootfs.ts <folder>`: assembles the root file system of the container image, on a machine or in a
 * container of the Debian family. The Dockerfile runs this and copies the result into an empty image, so what runs from the
 * folder here is what runs there.
 */
import {execFile} from 'node:child_process';
import {existsSync} from 'node:fs';
import {copyFile, cp, mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {promisify} from 'node:util';
import {bundlePath} from './build.ts';
import {nodeFlags} from './node-flags.ts';

/** What the image runs; the Dockerfile has the same, and a test says so. */
export const entrypoint = ['/bin/node', ...nodeFlags, `/app/${path.basename(bundlePath)}`];

/** "nonroot" of distroless images and others: a number that no account of a node has. */
export const userId = 65_532;

/**
 * Node, the libraries that it is linked with, the program in dist/, and the licences of all these. Nothing else: no shell, no
 * package manager. The C library's own modules for names are part of it since glibc 2.34.
 *
 * @throws where the tools `ldd` and `dpkg` are missing or don't know a library.
 */
export const assembleRootfs = async (folder: string): Promise<void> => {
	const inRootfs = async (file: string): Promise<string> => {
		const target = path.join(folder, file);
		await mkdir(path.dirname(target), {recursive: true});
		return target;
	};

	const libraries = await librariesOf(process.execPath);
	await copyFile(process.execPath, await inRootfs(entrypoint[0]!));
	for (const library of libraries) {
		await copyFile(library, await inRootfs(library));
	}

	// A scanner of images finds out from these what is in here, and a reader under which terms.
	for (const name of await packagesOf(libraries)) {
		const {stdout} = await run('dpkg-query', ['--status', name]);
		await writeFile(await inRootfs(`/var/lib/dpkg/status.d/${name}`), stdout);
		await copyFile(`/usr/share/doc/${name}/copyright`, await inRootfs(`/usr/share/doc/${name}/copyright`));
	}

	for (const [name, license] of [['node', nodeLicense], ['hostport-operator', ourLicense]] as const) {
		if (existsSync(license)) {
			await copyFile(license, await inRootfs(`/usr/share/doc/${name}/copyright`));
		}
	}

	await cp(path.dirname(bundlePath), await inRootfs('/app'), {recursive: true});
	await writeFile(await inRootfs('/etc/passwd'), `root:x:0:0:root:/:/none\nnonroot:x:${userId}:${userId}:nonroot:/:/none\n`);
	await writeFile(await inRootfs('/etc/group'), `root:x:0:\nnonroot:x:${userId}:\n`);
};

/** Where Node's archive has it, and so its image. The npm package of Node comes without. */
const nodeLicense = path.join(path.dirname(process.execPath), '..', 'LICENSE');
const ourLicense = path.join(import.meta.dirname, '..', 'LICENSE');

/** Absolute paths, the dynamic loader among them. */
const librariesOf = async (program: string): Promise<string[]> => {
	const {stdout} = await run('ldd', [program]);
	if (stdout.includes('not found')) {
		throw new Error(`${program} lacks a library here:\n${stdout}`);
	}

	return [...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map(([, file = '']) => file);
};

/** The Debian packages that the files belong to. Looked for by the end of their paths: /lib is a link to /usr/lib nowadays. */
const packagesOf = async (files: readonly string[]): Promise<Set<string>> => {
	const names = await Promise.all(files.map(async file => {
		const {stdout} = await run('dpkg-query', ['--search', `*${file.replace(/^\/usr/, '')}`]);
		return stdout.split(':')[0] ?? '';
	}));
	return new Set(names);
};

const run = promisify(execFile);

if (import.meta.main) {
	const [folder] = process.argv.slice(2);
	if (!folder) {
		throw new Error('usage: node scripts/image-rootfs.ts <folder>');
	}

	await assembleRootfs(folder);
	process.stdout.write(`${entrypoint.join(' ')}\n`);
}
