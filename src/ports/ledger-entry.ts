/** One entry of the ledger, as a value and as text. Pure. */
import type {NamedPort, Protocol} from './demand.ts';
import {isPort} from './port-range.ts';

/** entry-states.ts says what each state means and what leads to it. */
export const entryStates = ['pending', 'bound', 'released', 'foreign'] as const;
export type EntryState = (typeof entryStates)[number];

/** The value of one key of a ledger page. Its members are in the order in which people read them in the text. */
export type LedgerEntry = {
	/** `namespace/name`, or `game/server-7d9f- (ReplicaSet server-7d9f)` before the Pod has a name. */
	readonly pod: string;
	/** The port's name, or its original containerPort if it has none. `port` in the JSON text. */
	readonly portName: string;
	readonly state: EntryState;
	/** UID and node of the Pod, as soon as they are known. */
	readonly uid?: string;
	readonly node?: string;
	/** The token of the admission attempt that reserved the port. It is only in the ledger, so no manifest can copy it. */
	readonly claim?: string;
	/** When the entry came into this state, RFC 3339. For people; nothing is decided by it. */
	readonly since: string;
};

/** One bit for each protocol, for masks of several protocols. */
export const protocolBit = {TCP: 1, UDP: 2, SCTP: 4} as const satisfies Record<Protocol, number>;
export const protocols = ['TCP', 'UDP', 'SCTP'] as const satisfies readonly Protocol[];
export const everyProtocol = protocolBit.TCP | protocolBit.UDP | protocolBit.SCTP;

/** The protocols of some ports as one mask of `protocolBit`s. */
export const protocolMask = (ports: ReadonlyArray<Pick<NamedPort, 'protocol'>>): number =>
	ports.reduce((mask, {protocol}) => mask | protocolBit[protocol], 0);

/** `30558.tcp`: the key of an entry, as `kubectl` shows it. */
export const entryKey = (port: number, protocol: Protocol): string => `${port}.${protocol.toLowerCase()}`;

const keyPattern = /^([1-9]\d{0,4})\.(tcp|udp|sctp)$/;

/** The inverse of `entryKey`; undefined if the key is not of that form. */
export const parseEntryKey = (key: string): {readonly port: number; readonly protocol: Protocol} | undefined => {
	const match = keyPattern.exec(key);
	const port = Number(match?.[1]);
	return match?.[2] && isPort(port) ? {port, protocol: match[2].toUpperCase() as Protocol} : undefined;
};

/** One line of JSON with the members in the order of `LedgerEntry`. */
export const formatEntry = ({pod, portName, state, uid, node, claim, since}: LedgerEntry): string =>
	JSON.stringify({pod, port: portName, state, uid, node, claim, since});

/** Whether two entries are written alike. */
export const isSameEntry = (one: LedgerEntry | undefined, other: LedgerEntry | undefined): boolean =>
	one === other || (one !== undefined && other !== undefined && formatEntry(one) === formatEntry(other));

const requiredMembers = ['pod', 'port', 'state', 'since'];
const knownMembers = new Set([...requiredMembers, 'uid', 'node', 'claim']);

/**
 * Reads the text that `formatEntry` writes. Strict: a value with unknown members was written by a newer version or by a
 * person, and writing it again would lose them.
 *
 * @returns the entry, or a sentence that says why the text is not an entry.
 */
export const parseEntry = (text: string): LedgerEntry | string => {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		return 'the value is not JSON';
	}

	if (typeof value !== 'object' || value === null || Array.isArray(value)) {
		return 'the value is not a JSON object';
	}

	for (const [member, content] of Object.entries(value)) {
		if (!knownMembers.has(member)) {
			return `the member "${member.slice(0, 40)}" is unknown to this version`;
		}

		if (typeof content !== 'string') {
			return `the member "${member}" is not a string`;
		}
	}

	const missing = requiredMembers.find(member => !Object.hasOwn(value, member));
	if (missing) {
		return `the member "${missing}" is missing`;
	}

	const {port: portName, ...others} = value as Omit<LedgerEntry, 'portName'> & {readonly port: string};
	return entryStates.includes(others.state) ? {...others, portName} : `the state "${others.state.slice(0, 40)}" is unknown to this version`;
};
