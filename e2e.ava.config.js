/** The files that take longest start first, so that at the end no long file runs alone. */
const longest = ['certificates', 'install', 'faults', 'pauses', 'repair', 'api-faults', 'install-variants', 'rights', 'rollout', 'outage', 'chart'];

const rank = file => {
	const index = longest.findIndex(name => file.endsWith(`/${name}.test.ts`));
	return index === -1 ? longest.length : index;
};

/**
 * Tests that need programs of Kubernetes: test/e2e a control plane for each file, test/deploy/rendered only kubectl and helm.
 * Two files run at a time, because most of a file's time is spent waiting for something to expire.
 */
export default {
	files: ['test/e2e/**/*.test.ts', 'test/deploy/rendered/**/*.test.ts'],
	extensions: ['ts'],
	concurrency: 2,
	sortTestFiles: (a, b) => rank(a) - rank(b),
	// The first run on a machine builds the control plane.
	timeout: '20m',
	workerThreads: false,
};
