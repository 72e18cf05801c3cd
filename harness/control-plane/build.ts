/** Builds the programs from Go modules. It needs Go and a module proxy, but neither Docker nor a download page. */
import {execFile} from 'node:child_process';
import path from 'node:path';
import {promisify} from 'node:util';
import {binarySources, helmVersion, kubernetesVersion, listNames, type BinaryName, type ModuleName} from './binaries.ts';
import {describeProgress} from './build-progress.ts';
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
	await withScratchFolder(cache, async folder => {
		const packages = [...flags[module], ...names.map(name => binarySources[name].goPackage)];
		// GOTOOLCHAIN: Go would download another toolchain, which can hang. GOTMPDIR: what a killed Go leaves behind is removed with our folder.
		const go = {cwd: path.join(import.meta.dirname, 'build', module), env: {...env, CGO_ENABLED: '0', GOTOOLCHAIN: env['GOTOOLCHAIN'] ?? 'local', GOTMPDIR: folder}};
		const total = await countStalePackages(packages, go, signal);
		const startedMs = performance.now();
		let compiled = 0;
		const reminder = setInterval(() => {
			onProgress(describeProgress({total, compiled, elapsedMs: performance.now() - startedMs}));
		}, reportMs);
		try {
			await runProcess({
				name: 'go build',
				command: 'go',
				// -v: names each package as it is compiled.
				args: ['build', '-v', '-o', folder, ...packages],
				...go,
				logFile: path.join(folder, 'build.log'),
				onErrorLine(line) {
					// Other lines have spaces: "go: downloading …", or the compiler's errors.
					compiled += line.includes(' ') ? 0 : 1;
				},
			}, signal);
		} finally {
			clearInterval(reminder);
		}

		for (const name of names) {
			await moveIntoCache(path.join(folder, binarySources[name].builtAs), cache, name);
		}
	});
};

/** Often enough to see that something happens, seldom enough for a log. */
const reportMs = 15_000;

/** How many packages Go must compile, after downloading their modules. Undefined if it can't tell; then the build fails and says why. */
const countStalePackages = async (packages: readonly string[], {cwd, env}: {readonly cwd: string; readonly env: NodeJS.ProcessEnv}, signal: AbortSignal | undefined): Promise<number | undefined> => {
	try {
		const {stdout} = await promisify(execFile)('go', ['list', '-deps', '-f', '{{if .Stale}}{{.ImportPath}}{{end}}', ...packages], {cwd, env, maxBuffer: 64 * 1024 * 1024, ...(signal && {signal})});
		return stdout.split('\n').filter(Boolean).length;
	} catch {
		signal?.throwIfAborted();
		return undefined;
	}
};

/** How long it takes to build the whole control plane the first time, for people who wait for it. */
export const buildDuration = 'about 9 minutes';

const durations: Readonly<Record<ModuleName, string>> = {kubernetes: buildDuration, helm: '2 to 3 minutes'};

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
	helm: ['-trimpath', '-gcflags=all=-dwarf=false', '-ldflags', `-s -w -X helm.sh/helm/v4/internal/version.version=${helmVersion}`],
};
