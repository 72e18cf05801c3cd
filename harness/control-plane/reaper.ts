/**
 * Cleans up after a script once the script itself is gone, however it went: it returned, threw, was signalled, or was
 * killed with -9. One mechanism for all of these, because a handler for each leaves out the last.
 *
 * A shell reads what is to be cleaned up from a pipe whose other end this process alone holds. The operating system closes
 * that end together with the process; the shell then reads the end of its input, and acts on what is still on its list.
 */
import {spawn} from 'node:child_process';
import type {Writable} from 'node:stream';

/** Lines are `+ group 123`, `- group 123`, `+ path /tmp/x`. Paths go last, when nothing writes into them any more. */
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
 * Has a process group killed should this process end first.
 *
 * @returns takes it off the list. Call it once the group is gone: its number may be given to a stranger.
 */
export const endWithThisProcess = (group: number): (() => void) => enlist(`group ${group}`);

/** Has a file or a folder removed should this process end first. Returns what takes it off the list. */
export const removeWithThisProcess = (path: string): (() => void) => enlist(`path ${path}`);

const enlist = (item: string): (() => void) => {
	list ??= startReaper();
	list.write(`+ ${item}\n`);
	return () => {
		list?.write(`- ${item}\n`);
	};
};

const startReaper = (): Writable => {
	// A session of its own: the Ctrl-C that ends this process must not end the reaper before it has done its work.
	const shell = spawn('/bin/sh', ['-c', script], {detached: true, stdio: ['pipe', 'ignore', 'ignore']});
	// Where there is no shell, or someone ended it, only an orderly stop is left; that is no reason to fail here.
	shell.on('error', () => {});
	shell.stdin.on('error', () => {});
	shell.unref();
	// A child's stdin is a socket, which keeps the event loop alive until it is told not to.
	if ('unref' in shell.stdin && typeof shell.stdin.unref === 'function') {
		shell.stdin.unref();
	}

	return shell.stdin;
};
