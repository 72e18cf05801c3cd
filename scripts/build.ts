/** `npm run build`: bundles the program into one file, which starts in a quarter of the time and half of the memory that it needs unbundled. */
import {chmod, mkdir, mkdtemp, rename, rm, writeFile} from 'node:fs/promises';
import process from 'node:process';
import {fileURLToPath} from 'node:url';
import {rolldown} from 'rolldown';
import sbom from 'rollup-plugin-sbom';
import {bundledPackages, renderLicenses} from './build/licenses.ts';
import {environment, nodeFlags} from './build/node-flags.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

export type BuildOptions = {
	/** Where the files go. Default: `dist/`. */
	readonly directory?: string;
	/** Returns the text to use for a source file (an absolute path), or undefined to read the file. */
	readonly textOf?: (file: string) => string | undefined;
};

export const bundlePath = `${root}dist/hostport-operator.js`;

const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);

/**
 * Packages that are left out, because the program never calls them: transports of the Kubernetes client that it does not use,
 * and `raw-body`'s decoders for encodings other than UTF-8. They would take megabytes of memory in every replica.
 */
const absent = ['undici', 'socks', 'socks-proxy-agent', 'iconv-lite'];

/** Files of the Kubernetes client that are left out with the packages that only they need: src/kubernetes/credentials.ts refuses their users first. */
const absentProviders = ['./azure_auth.js', './gcp_auth.js'];

const replacement = (name: string): string => fileURLToPath(new URL(`build/${name}`, import.meta.url));

/**
 * Writes the bundle, a package.json that makes it an ES module, an SBOM in CycloneDX (`sbom.cdx.json`), and the licences of what
 * is bundled. Resolves with the bundle's path.
 */
export const build = async ({directory = `${root}dist`, textOf = () => undefined}: BuildOptions = {}): Promise<string> => {
	const bundle = await rolldown({
		input: `${root}src/main.ts`,
		platform: 'node',
		resolve: {
			alias: Object.fromEntries([
				...absent.map(name => [name, replacement('absent-module.ts')]),
				...absentProviders.map(name => [name, replacement('absent-auth-provider.ts')]),
			]),
		},
		treeshake: {
			// Loading the client library's hundreds of generated classes has no side effects, so unused ones can be dropped.
			moduleSideEffects: id => !id.includes('/@kubernetes/client-node/'),
		},
		// No timestamp in the SBOM: the same sources give the same files.
		plugins: [{name: 'replaced-text', load: textOf}, sbom({outDir: '.', outFilename: 'sbom.cdx', includeWellKnown: false, saveTimestamp: false})],
		logLevel: 'warn',
		onwarn: (warning, warn) => {
			// Two harmless warnings: koa's dependency `depd` uses eval, but never on text from a request; and the SBOM plugin
			// looks for bundlers that are not installed.
			if (warning.code !== 'EVAL' && !warning.message.includes('auto-registration of tool')) {
				warn(warning);
			}
		},
	});
	// The old bundle may be starting right now, so each file is replaced by a rename: it is never missing or half written.
	const scratch = await mkdtemp(`${directory}-`);
	try {
		const {output} = await bundle.write({
			dir: scratch,
			entryFileNames: 'hostport-operator.js',
			chunkFileNames: '[name].js',
			// With a single non-ASCII character, V8 would store the whole program text with two bytes per character.
			charset: 'ascii',
			format: 'esm',
			minify: true,
			banner: chunk => chunk.isEntry ? `#!/usr/bin/env -S ${[...variables, 'node', ...nodeFlags].join(' ')}` : '',
		});
		await chmod(`${scratch}/hostport-operator.js`, 0o755);
		const packages = await bundledPackages(output.flatMap(file => file.type === 'chunk' ? file.moduleIds : []));
		await writeFile(`${scratch}/third-party-licenses.txt`, renderLicenses(packages));
		// Without it, Node first tries to parse the program as CommonJS, which costs 50 ms and 3 MB.
		await writeFile(`${scratch}/package.json`, '{"type": "module"}\n');
		await mkdir(directory, {recursive: true});
		for (const fileName of ['package.json', 'third-party-licenses.txt', ...output.map(file => file.fileName).toReversed()]) {
			await rename(`${scratch}/${fileName}`, `${directory}/${fileName}`);
		}
	} finally {
		await rm(scratch, {recursive: true});
		await bundle.close();
	}

	return `${directory}/hostport-operator.js`;
};

if (import.meta.main) {
	process.stdout.write(`${await build()}\n`);
}
