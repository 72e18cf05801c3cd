/** What takes longest begins first, so that at the end nothing long is left alone. */
const longest = ['certificates', 'install', 'faults', 'pauses', 'repair', 'api-faults', 'install-variants', 'rights', 'rollout', 'outage', 'manifests'];

const rank = file => {
	const index = longest.findIndex(name => file.endsWith(`/${name}.test.ts`));
	return index === -1 ? longest.length : index;
};

/**
 * End-to-end tests: a real control plane for each file. Two files at a time, for most of what a file does is to wait until
 * something has expired.
 */
export default {
	files: ['test/e2e/**/*.test.ts'],
	extensions: ['ts'],
	concurrency: 2,
	sortTestFiles: (a, b) => rank(a) - rank(b),
	// The first run on a machine builds the control plane.
	timeout: '20m',
	workerThreads: false,
};
