/** The ports of a Pod that stay as written. No other number will do for them, so each is free, or the Pod's own, or the Pod is refused. Pure. */
import type {PendingRequest} from './allocator.ts';
import type {OwnPort} from './demand.ts';
import {canBeReservedAgain} from './entry-states.ts';
import {protocolBit} from './ledger-entry.ts';
import type {LedgerEntry} from './ledger-entry.ts';
import type {PortSpace} from './port-space.ts';

/** Why a port can't have the number that is written in the Pod. */
export type OwnPortProblem =
	| {
		readonly kind: 'taken';
		readonly port: OwnPort;
		/** The entry of the port; undefined if it is damaged. */
		readonly holder: LedgerEntry | undefined;
	}
	| {
		readonly kind: 'unusable page';
		readonly port: OwnPort;
		/** Why the page that owns the number gives none, in words. */
		readonly reason: string;
	};

/** The first port that can't have its number; undefined if all can. */
export const problemOfOwnPorts = (space: PortSpace, request: PendingRequest): OwnPortProblem | undefined => {
	for (const port of request.demand.ownPorts) {
		const reason = space.whyUnusable(port.port);
		if (reason !== undefined) {
			return {kind: 'unusable page', port, reason};
		}

		if (!space.isFree(port.port, protocolBit[port.protocol])) {
			const holder = space.entryAt(port.port, port.protocol);
			if (!holder || !isOfSamePod(holder, request)) {
				return {kind: 'taken', port, holder};
			}
		}
	}

	return undefined;
};

/** The ports that this attempt must enter: those that no earlier attempt of the same request has entered. */
export const ownPortsToEnter = (space: PortSpace, request: PendingRequest): readonly OwnPort[] =>
	request.demand.ownPorts.filter(({port, protocol}) => !isReservedEarlier(space.entryAt(port, protocol), request));

/** A Pod with a fixed name takes the number over from its predecessor of that name, whatever port of it had the number. */
const isOfSamePod = (holder: LedgerEntry, request: PendingRequest): boolean =>
	isReservedEarlier(holder, request)
	|| (request.demand.hasFixedName && holder.pod === request.demand.pod && canBeReservedAgain(holder));

/** An entry of ours that names another Pod by now follows that one. */
const isReservedEarlier = (entry: LedgerEntry | undefined, {demand, earlierClaims}: PendingRequest): boolean =>
	entry?.claim !== undefined && earlierClaims.includes(entry.claim) && entry.pod === demand.pod;
