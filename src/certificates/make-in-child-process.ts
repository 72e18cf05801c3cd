/**
 * Makes certificates in a child process: the X.509 library takes 17 MB of memory, which a replica would keep for something
 * that it needs once in two months (docs/adr/0007-certificates.md).
 */
import {spawn} from 'node:child_process';
import {text} from 'node:stream/consumers';
import type {KeyPair} from './certificate-set.ts';

/** Plain values, because they go to the child process as JSON. */
export type CertificatesToMake = {
	/** Wall clock, milliseconds since 1970. */
	readonly now: number;
	/** The authority that signs. Without it, a new authority is made. */
	readonly authority?: KeyPair | undefined;
	/** Lifetime of a new authority. */
	readonly authorityLifetimeMs: number;
	/** The certificate for the webhook, if one is wanted. Hosts are DNS names and IP addresses. */
	readonly leaf?: {readonly hosts: readonly string[]; readonly lifetimeMs: number} | undefined;
};

export type MadeCertificates = {
	/** The new authority, or the one that was given. */
	readonly authority: KeyPair;
	/** Present if `leaf` was wanted. */
	readonly leaf?: KeyPair;
};

/** The hidden command of this program: reads `CertificatesToMake` from standard input and writes `MadeCertificates` to standard output, both as JSON. */
export const makeCertificatesCommand = 'make-certificates';

/**
 * Keys go through pipes, never through files or arguments.
 *
 * @throws an Error with the child's exit code and standard error, or the signal's reason.
 */
export const makeInChildProcess = async (wanted: CertificatesToMake, signal: AbortSignal): Promise<MadeCertificates> => {
	signal.throwIfAborted();
	const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, makeCertificatesCommand], {signal, env: {}, stdio: 'pipe'});
	const {promise: ended, resolve, reject} = Promise.withResolvers<number | null>();
	child.once('error', reject).once('close', resolve);
	// The child may exit before it has read everything (EPIPE); its exit code and output say why.
	child.stdin.on('error', () => {});
	child.stdin.end(JSON.stringify(wanted));
	const [exitCode, output, errorOutput] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
	if (exitCode !== 0) {
		throw new Error(`no certificate could be made: exit code ${exitCode}, ${errorOutput.trim().slice(0, 500)}`);
	}

	return JSON.parse(output) as MadeCertificates;
};
