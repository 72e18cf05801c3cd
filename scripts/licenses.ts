/** The packages of which something is in the bundle, and their licences: whoever hands the bundle on must hand these on too. */
import {readdir, readFile} from 'node:fs/promises';
import path from 'node:path';

export type BundledPackage = {
	readonly name: string;
	readonly version: string;
	/** As its package.json says: an SPDX expression. */
	readonly license: string;
	/** Undefined where the package comes without: some do, and what they say in their package.json has to do. */
	readonly licenseText: string | undefined;
};

/**
 * @param moduleIds paths of the modules in the bundle; those outside of node_modules are our own.
 * @returns each package and version once, by name.
 * @throws an Error that names a package without a licence.
 */
export const bundledPackages = async (moduleIds: readonly string[]): Promise<BundledPackage[]> => {
	const folders = new Set(moduleIds.flatMap(id => packageFolder.exec(id)?.[0] ?? []));
	const packages = await Promise.all([...folders].map(async folder => readPackage(folder)));
	return [...new Map(packages.map(bundled => [`${bundled.name}@${bundled.version}`, bundled])).values()]
		.toSorted((a, b) => a.name.localeCompare(b.name) || a.version.localeCompare(b.version));
};

/** One text for all of them. */
export const renderLicenses = (packages: readonly BundledPackage[]): string =>
	packages.map(({name, version, license, licenseText}) => `${name} ${version} (${license})\n${licenseText ? `\n${licenseText.trim()}\n` : ''}`).join(`\n${'-'.repeat(80)}\n\n`);

/** Up to the innermost package of a path. */
const packageFolder = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/;

const readPackage = async (folder: string): Promise<BundledPackage> => {
	const {name, version, license} = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as {name: string; version: string; license?: string};
	const file = (await readdir(folder)).find(entry => /^licen[cs]e(?:\.(?:md|txt))?$/i.test(entry));
	if (!license) {
		throw new Error(`the package ${name} ${version} in ${folder} has no licence: it must not be in the bundle`);
	}

	return {name, version, license, licenseText: file && await readFile(path.join(folder, file), 'utf8')};
};
