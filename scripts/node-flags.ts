/**
 * How the program is run: by the first line of the bundle, and in the image. Without them V8 lets garbage lie, and optimises
 * at length code whose time goes into TLS and JSON: 40 MB more in every replica (docs/adr/0004-memory.md).
 */
export const nodeFlags = [
	'--min-semi-space-size=4',
	'--max-semi-space-size=8',
	'--no-turbofan',
	'--no-maglev',
	'--heap-growing-percent=20',
	'--initial-old-space-size=8',
];

/** glibc gives each thread memory of its own to allocate from, and Node has a dozen that hardly allocate. */
export const environment = {MALLOC_ARENA_MAX: '2'};
