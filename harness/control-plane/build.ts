/** Builds the programs from Go modules. It needs Go and a module proxy, but neither Docker nor a download page. */
import path from 'node:path';
import {binarySources, helmVersion, kubernetesVersion, listNames, type BinaryName, type ModuleName} from './binaries.ts';
import {cacheFolder, moveIntoCache, withScratchFolder} from './cache.ts';
import {runProcess} from './process.ts';

type BuildOptions = {
	readonly env: NodeJS.ProcessEnv;
	readonly onProgress: (line: string) => void;
	readonly signal?: AbortSignal | undefined;
};

/**
 * Builds the named programs into the cache. After an interruption, Go's own build cache has what was compiled so far.
 *
 * @throws {ProcessCrashError} with the compiler's last lines when a build fails.
 */
export const buildBinaries = async (names: readonly BinaryName[], options: BuildOptions): Promise<void> => {
	for (const [module, group] of Map.groupBy(names, name => binarySources[name].module)) {
		await buildModule(module, group, options);
	}
};

const buildModule = async (module: ModuleName, names: readonly BinaryName[], {env, onProgress, signal}: BuildOptions) => {
	const cache = cacheFolder(env);
	onProgress(`Building ${listNames(names)} from Go modules. The first time this takes ${durations[module]} on two cores, `
		+ `with Go's build cache filled some seconds. The result is kept in ${cache}`);
	const startedMs = performance.now();
	const reminder = setInterval(() => {
		onProgress(`Still building (${Math.round((performance.now() - startedMs) / 1000)} s)`);
	}, 30_000);
	try {
		await withScratchFolder(cache, async folder => {
			await runProcess({
				name: 'go build',
				command: 'go',
				args: ['build', ...flags[module], '-o', folder, ...names.map(name => binarySources[name].goPackage)],
				cwd: path.join(import.meta.dirname, 'build', module),
				// GOTOOLCHAIN: Go would download another toolchain, which can hang. GOTMPDIR: what a killed Go leaves behind is removed with our folder.
				env: {...env, CGO_ENABLED: '0', GOTOOLCHAIN: env['GOTOOLCHAIN'] ?? 'local', GOTMPDIR: folder},
				logFile: path.join(folder, 'build.log'),
			}, signal);
			for (const name of names) {
				await moveIntoCache(path.join(folder, binarySources[name].builtAs), cache, name);
			}
		});
	} finally {
		clearInterval(reminder);
	}
};

/** How long it takes to build the whole control plane the first time, for people who wait for it. */
export const buildDuration = '10 to 15 minutes';

const durations = {kubernetes: '4 to 8 minutes', kwok: '1 to 2 minutes', helm: '2 to 3 minutes'};

const [major, minor] = kubernetesVersion.slice(1).split('.');
const versionPackage = 'k8s.io/component-base/version';

/** Without debug information a build takes an eighth less time and space. Optimisations stay on, so that the programs are as fast as in production. */
const flags: Readonly<Record<ModuleName, readonly string[]>> = {
	kubernetes: [
		'-trimpath',
		'-gcflags=all=-dwarf=false',
		'-ldflags',
		`-s -w -X ${versionPackage}.gitVersion=${kubernetesVersion} -X ${versionPackage}.gitMajor=${major} -X ${versionPackage}.gitMinor=${minor}`,
	],
	kwok: ['-trimpath', '-gcflags=all=-dwarf=false', '-ldflags', '-s -w'],
	helm: ['-trimpath', '-gcflags=all=-dwarf=false', '-ldflags', `-s -w -X helm.sh/helm/v4/internal/version.version=${helmVersion}`],
};
