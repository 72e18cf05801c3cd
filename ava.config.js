/** Unit tests: no cluster, no network but loopback. */
export default {
	files: ['test/**/*.test.ts', '!test/e2e/**'],
	extensions: ['ts'],
	timeout: '60s',
};
