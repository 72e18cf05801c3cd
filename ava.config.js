/** Unit tests: they need no cluster, no built program and no network but loopback. */
export default {
	files: ['test/**/*.test.ts', '!test/e2e/**', '!test/deploy/rendered/**'],
	extensions: ['ts'],
	timeout: '60s',
};
