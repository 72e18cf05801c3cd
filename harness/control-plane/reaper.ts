/**
 * Cleans up after this process has ended in whatever way: by return, error, signal or kill -9. Handlers in the process itself
 * can't cover the last.
 *
 * A shell reads the list of what to clean up from a pipe whose other end only this process holds. When the process ends, the
 * operating system closes that end. The shell then reads the end of its input and cleans up what is still on its list.
 */
import {spawn} from 'node:child_process';
import type {Writable} from 'node:stream';

/** Lines are `+ group 123`, `- group 123`, `+ path /tmp/x`. Paths are removed last, when no process writes into them any more. */
const script = `
set -f
newline='
'
IFS=$newline
items=
while IFS=' ' read -r sign item; do
	kept=
	for other in $items; do [ "$other" = "$item" ] || kept="$kept$newline$other"; done
	[ "$sign" = - ] || kept="$kept$newline$item"
	items=$kept
done
for item in $items; do case $item in 'group '*) kill -s KILL -- "-\${item#group }" 2>/dev/null ;; esac; done
for item in $items; do case $item in 'path '*) rm -rf -- "\${item#path }" ;; esac; done
`;

let list: Writable | undefined;

/**
 * Kills a process group if this process ends before it.
 *
 * @returns takes the group off the list. Call it once the group has ended, because its number may be reused.
 */
export const endWithThisProcess = (group: number): (() => void) => enlist(`group ${group}`);

/**
 * Removes a file or folder if this process ends before it is taken off the list.
 *
 * @returns takes it off the list.
 */
export const removeWithThisProcess = (path: string): (() => void) => enlist(`path ${path}`);

const enlist = (item: string): (() => void) => {
	list ??= startReaper();
	list.write(`+ ${item}\n`);
	return () => {
		list?.write(`- ${item}\n`);
	};
};

const startReaper = (): Writable => {
	// Detached, with a session of its own: Ctrl-C must not end the shell before it has cleaned up.
	const shell = spawn('/bin/sh', ['-c', script], {detached: true, stdio: ['pipe', 'ignore', 'ignore']});
	// Without the shell only an orderly stop cleans up. That is no reason to fail.
	shell.on('error', () => {});
	shell.stdin.on('error', () => {});
	shell.unref();
	// A child's stdin is a socket, which keeps the event loop alive until it is told not to.
	if ('unref' in shell.stdin && typeof shell.stdin.unref === 'function') {
		shell.stdin.unref();
	}

	return shell.stdin;
};
