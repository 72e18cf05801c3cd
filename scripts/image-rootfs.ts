/**
 * `node scripts/image-rootfs.ts <folder>`: assembles the root file system of the container image. Needs Debian or a relative.
 * The Dockerfile runs this script and copies the folder into an empty image, so the folder can be tested without Docker.
 */
import {execFile} from 'node:child_process';
import {existsSync} from 'node:fs';
import {copyFile, cp, mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {promisify} from 'node:util';
import {bundlePath} from './build.ts';
import {nodeFlags} from './build/node-flags.ts';

/** The image's entry point. A test compares it with the Dockerfile. */
export const entrypoint = ['/bin/node', ...nodeFlags, `/app/${path.basename(bundlePath)}`];

/** The usual "nonroot" user of distroless images: no account on a node has this ID. */
export const userId = 65_532;

/**
 * Copies Node, the libraries that it is linked with, the program in dist/, and their licences into the folder. Nothing else: no
 * shell, no package manager. DNS needs no more files, because glibc contains its name service modules since version 2.34.
 *
 * @throws an Error if `ldd` or `dpkg` is missing or does not know a library.
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

	// Image scanners read the package status, people the copyright files.
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

/** Node's archive and image have this file; the npm package `node` does not. */
const nodeLicense = path.join(path.dirname(process.execPath), '..', 'LICENSE');
const ourLicense = path.join(import.meta.dirname, '..', 'LICENSE');

/** Absolute paths, including the dynamic loader. */
const librariesOf = async (program: string): Promise<string[]> => {
	const {stdout} = await run('ldd', [program]);
	if (stdout.includes('not found')) {
		throw new Error(`a library that ${program} needs is missing on this machine:\n${stdout}`);
	}

	return [...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map(([, file = '']) => file);
};

/** The Debian packages that the files belong to. Searched without /usr, because /lib is a link to /usr/lib in newer releases. */
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
