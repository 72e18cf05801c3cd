/** Unit tests: no cluster, no network but loopback. */
export default {
	files: ['test/**/*.test.ts', '!test/e2e/**'],
	extensions: {ts: 'module'},
	timeout: '60s',
};
