/** Bundles the program into one file: it starts in a quarter of the time and half of the memory that its packages need unbundled. */
import {chmod, mkdir, mkdtemp, rename, rm} from 'node:fs/promises';
import process from 'node:process';
import {fileURLToPath} from 'node:url';
import {rolldown} from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));

export const bundlePath = `${root}dist/hostport-operator.js`;

/**
 * How the program is run: by the first line of the bundle, and in the image. Without them V8 lets garbage lie and compiles
 * what runs a hundred times: 40 MB more in every replica, for code whose time goes into TLS and JSON (docs/adr/0004-memory.md).
 */
export const nodeFlags = ['--max-semi-space-size=2'];

/** Writes `dist/hostport-operator.js`. */
export const build = async (): Promise<void> => {
	const bundle = await rolldown({
		input: `${root}src/main.ts`,
		platform: 'node',
		resolve: {
			// The client library's other way to the API server, which we do not go: 5 MB of memory in every replica.
			alias: {undici: fileURLToPath(new URL('absent-module.ts', import.meta.url))},
		},
		treeshake: {
			// The client library's hundreds of generated classes do nothing when they are loaded, so those nobody uses may go.
			moduleSideEffects: id => !id.includes('/@kubernetes/client-node/'),
		},
		onwarn: (warning, warn) => {
			// `depd`, deep in koa, makes functions from text; nothing that a request sends gets there.
			if (warning.code !== 'EVAL') {
				warn(warning);
			}
		},
	});
	// Somebody may be starting the bundle that is there: each file is replaced at once, never missing or half written.
	const scratch = await mkdtemp(`${root}dist-`);
	try {
		const {output} = await bundle.write({
			dir: scratch,
			entryFileNames: 'hostport-operator.js',
			chunkFileNames: '[name].js',
			format: 'esm',
			minify: true,
			banner: chunk => chunk.isEntry ? `#!/usr/bin/env -S node ${nodeFlags.join(' ')}` : '',
		});
		await chmod(`${scratch}/hostport-operator.js`, 0o755);
		await mkdir(`${root}dist`, {recursive: true});
		for (const {fileName} of output.toReversed()) {
			await rename(`${scratch}/${fileName}`, `${root}dist/${fileName}`);
		}
	} finally {
		await rm(scratch, {recursive: true});
		await bundle.close();
	}
};

if (import.meta.main) {
	await build();
	process.stdout.write(`${bundlePath}\n`);
}
