/** What a client reads when a port that stays as written can't have its number. Pure. */
import {DenialError} from '../errors.ts';
import {pageName, pageOf} from '../ports/ledger-page.ts';
import type {LedgerEntry} from '../ports/ledger-entry.ts';
import type {OwnPortProblem} from '../ports/own-ports.ts';

/** Characters of a Pod's name: a person may have written the entry. */
const maximumNameLength = 330;

/**
 * A 403 if another Pod has the number: the same Pod may be accepted when that Pod has gone, as in a rolling update, so it is no
 * 400; and the operator is not at fault, so it is no 503. A 503 if the number's page can't be used at the moment.
 *
 * @param holdMs how long a number is held for a Pod that is gone, or that is not stored yet.
 */
export const ownPortDenial = (problem: OwnPortProblem, blockSize: number, holdMs: number): DenialError => {
	const {port: {name, port, protocol}} = problem;
	const subject = `Port "${name}" of the Pod stays as written, ${port}/${protocol}, and`;
	const page = pageName(pageOf(port, blockSize));
	if (problem.kind === 'unusable page') {
		return new DenialError(503, `${subject} the ConfigMap ${page}, which must record it, gives no ports: ${problem.reason}. Try again, or let the operator manage the port (hostport.io/ports)`);
	}

	const owner = problem.holder ? ownerOf(problem.holder, Math.ceil(holdMs / 1000)) : `has an entry in the ConfigMap ${page} that can't be read`;
	return new DenialError(403, `${subject} that number ${owner}. Let the operator manage the port (hostport.io/ports), give it another number, or, if it needs no host port, remove its hostPort and set hostport.io/host-network: "false"`, {reason: 'port_taken'});
};

const ownerOf = ({pod, state}: LedgerEntry, holdSeconds: number): string => {
	const name = pod.slice(0, maximumNameLength);
	return {
		bound: `is ${name}'s`,
		pending: `is reserved for ${name}, which is not stored yet; if that Pod was rejected, the number is free within about ${holdSeconds} s`,
		released: `was ${name}'s and is held for about ${holdSeconds} s after that Pod is gone`,
		foreign: `is used by ${name}, without the operator`,
	}[state];
};
