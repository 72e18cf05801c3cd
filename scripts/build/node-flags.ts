/**
 * Node's flags for the program, in the first line of the bundle and in the image. They make V8 collect garbage earlier and
 * skip optimisations that don't help, because most time goes into TLS and JSON. They save 40 MB in every replica
 * (docs/adr/0004-memory.md).
 */
export const nodeFlags = [
	'--min-semi-space-size=4',
	'--max-semi-space-size=8',
	'--no-turbofan',
	'--no-maglev',
	'--heap-growing-percent=20',
	'--initial-old-space-size=8',
];

/** By default, glibc gives each thread memory arenas of its own. Node has a dozen threads that hardly allocate. */
export const environment = {MALLOC_ARENA_MAX: '2'};
