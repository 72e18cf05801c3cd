/** Bundles the program into one file: it starts in a quarter of the time and half of the memory that its packages need unbundled. */
import {chmod, mkdir, mkdtemp, rename, rm, writeFile} from 'node:fs/promises';
import process from 'node:process';
import {fileURLToPath} from 'node:url';
import {rolldown} from 'rolldown';
import sbom from 'rollup-plugin-sbom';
import {bundledPackages, renderLicenses} from './licenses.ts';
import {environment, nodeFlags} from './node-flags.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

export type BuildOptions = {
	/** Where the files go. */
	readonly directory?: string;
	/** The text of a source file, by absolute path, where it is to be another than the one that is stored. */
	readonly textOf?: (file: string) => string | undefined;
};

export const bundlePath = `${root}dist/hostport-operator.js`;

const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);

/**
 * The client library's other ways to the API server, which we do not go, and `raw-body`'s way to encodings that are not
 * UTF-8: megabytes of memory in every replica.
 */
const absent = ['undici', 'socks', 'socks-proxy-agent', 'iconv-lite'];

/**
 * Writes `dist/`: the bundle, that it is an ES module, what is in it (`sbom.cdx.json`, in CycloneDX), and the licences of that.
 * Resolves with the bundle's path.
 */
export const build = async ({directory = `${root}dist`, textOf = () => undefined}: BuildOptions = {}): Promise<string> => {
	const bundle = await rolldown({
		input: `${root}src/main.ts`,
		platform: 'node',
		resolve: {
			alias: Object.fromEntries(absent.map(name => [name, fileURLToPath(new URL('absent-module.ts', import.meta.url))])),
		},
		treeshake: {
			// The client library's hundreds of generated classes do nothing when they are loaded, so those nobody uses may go.
			moduleSideEffects: id => !id.includes('/@kubernetes/client-node/'),
		},
		// Without a time, so that the same sources make the same file.
		plugins: [{name: 'other-text', load: textOf}, sbom({outDir: '.', outFilename: 'sbom.cdx', includeWellKnown: false, saveTimestamp: false})],
		logLevel: 'warn',
		onwarn: (warning, warn) => {
			// `depd`, deep in koa, makes functions from text; nothing that a request sends gets there. And the SBOM would name
			// other bundlers too, if they were there.
			if (warning.code !== 'EVAL' && !warning.message.includes('auto-registration of tool')) {
				warn(warning);
			}
		},
	});
	// Somebody may be starting the bundle that is there: each file is replaced at once, never missing or half written.
	const scratch = await mkdtemp(`${directory}-`);
	try {
		const {output} = await bundle.write({
			dir: scratch,
			entryFileNames: 'hostport-operator.js',
			chunkFileNames: '[name].js',
			// One character that is not ASCII, and V8 keeps the whole text of the program in two bytes a character.
			charset: 'ascii',
			format: 'esm',
			minify: true,
			banner: chunk => chunk.isEntry ? `#!/usr/bin/env -S ${[...variables, 'node', ...nodeFlags].join(' ')}` : '',
		});
		await chmod(`${scratch}/hostport-operator.js`, 0o755);
		const packages = await bundledPackages(output.flatMap(file => file.type === 'chunk' ? file.moduleIds : []));
		await writeFile(`${scratch}/third-party-licenses.txt`, renderLicenses(packages));
		// Without it Node takes the program for CommonJS first, and for what it is once that has failed: 50 ms and 3 MB more.
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
