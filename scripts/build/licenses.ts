/** The packages in the bundle and their licences, which must be distributed together with the bundle. */
import {readdir, readFile} from 'node:fs/promises';
import path from 'node:path';

export type BundledPackage = {
	readonly name: string;
	readonly version: string;
	/** The SPDX expression in its package.json. */
	readonly license: string;
	/** Undefined if the package contains no licence file. Then the SPDX expression has to do. */
	readonly licenseText: string | undefined;
};

/**
 * @param moduleIds paths of the modules in the bundle; those outside node_modules are this project's.
 * @returns each package and version once, sorted by name.
 * @throws an Error with the package's name if a package declares no licence.
 */
export const bundledPackages = async (moduleIds: readonly string[]): Promise<BundledPackage[]> => {
	const folders = new Set(moduleIds.flatMap(id => packageFolder.exec(id)?.[0] ?? []));
	const packages = await Promise.all([...folders].map(async folder => readPackage(folder)));
	return [...new Map(packages.map(bundled => [`${bundled.name}@${bundled.version}`, bundled])).values()]
		.toSorted((a, b) => a.name.localeCompare(b.name) || a.version.localeCompare(b.version));
};

/** One text with all licences. */
export const renderLicenses = (packages: readonly BundledPackage[]): string =>
	packages.map(({name, version, license, licenseText}) => `${name} ${version} (${license})\n${licenseText ? `\n${licenseText.trim()}\n` : ''}`).join(`\n${'-'.repeat(80)}\n\n`);

/** A path up to its innermost package. */
const packageFolder = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/;

const readPackage = async (folder: string): Promise<BundledPackage> => {
	const {name, version, license} = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as {name: string; version: string; license?: string};
	const file = (await readdir(folder)).find(entry => /^licen[cs]e(?:\.(?:md|txt))?$/i.test(entry));
	if (!license) {
		throw new Error(`the package ${name} ${version} in ${folder} declares no licence, so it must not be in the bundle`);
	}

	return {name, version, license, licenseText: file && await readFile(path.join(folder, file), 'utf8')};
};
