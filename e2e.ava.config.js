/** End-to-end tests: a real control plane for each file, one file after the other. */
export default {
	files: ['test/e2e/**/*.test.ts'],
	extensions: ['ts'],
	concurrency: 1,
	// The first run on a machine builds the control plane.
	timeout: '20m',
	workerThreads: false,
};
