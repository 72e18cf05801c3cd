/** What is asked of whoever makes certificates, and what comes back; plain values, for they go to another process and return. */

/** PEM. */
export type Pair = {
	readonly certificate: string;
	readonly key: string;
};

export type Order = {
	/** The wall clock, milliseconds since 1970: by nature of certificates, whoever checks them has a clock of his own. */
	readonly now: number;
	/** Who signs; without one, a new authority is made. */
	readonly authority?: Pair | undefined;
	/** Of a new authority. */
	readonly authorityLifetimeMs: number;
	/** The certificate to serve with, if one is wanted: DNS names and IP addresses that it is good for. */
	readonly leaf?: {readonly hosts: readonly string[]; readonly lifetimeMs: number} | undefined;
};

export type Made = {
	/** The new authority, or the one that was given. */
	readonly authority: Pair;
	readonly leaf?: Pair;
};

/**
 * Certificates begin so much earlier than they were made: the API server's clock may be behind ours. An hour, as client-go
 * gives its own self-signed certificates (util/cert).
 */
export const clockSkewMs = 60 * 60 * 1000;
