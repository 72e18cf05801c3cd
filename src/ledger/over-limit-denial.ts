/** What a client reads when its namespace holds too many numbers. Pure. */
import {DenialError} from '../errors.ts';
import type {OverLimit} from '../ports/held-numbers.ts';

/** A 403, as for a quota. @param holdMs how long a number is held for a Pod that is gone, or that is not stored yet. */
export const overLimitDenial = ({namespace, held, needed, limit: {first, last, most}}: OverLimit, holdMs: number): DenialError =>
	new DenialError(403, `The namespace ${namespace} holds ${held} of the numbers ${first}-${last} for Pods that are not stored yet or gone, the Pod needs ${needed} more, and a namespace may hold at most ${most} (--max-held-ports-per-namespace): wait until they become free, about ${Math.ceil(holdMs / 1000)} s after their Pods are gone or were rejected, and look why Pods of the namespace are rejected (kubectl get events -n ${namespace})`, {reason: 'held_limit'});
