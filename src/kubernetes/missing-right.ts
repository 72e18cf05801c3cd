/** When RBAC denies a request, logs which rule is missing from which role. */
import type {Logger} from 'pino';
import type {Clock} from '../clock.ts';

/** Often enough to be found at the end of the log, and no flood. */
const repeatMs = 60_000;

/** The wording of RBAC denials (apiserver/pkg/endpoints/handlers/responsewriters/errors.go). Other 403 messages, such as a quota's, differ. */
const rbacDenial = /User "([^"]+)" cannot (\S+) resource "([^"]+)" in API group "([^"]*)" (?:in the namespace "([^"]+)"|at the cluster scope)/;

/**
 * A sentence that names the rule to add, in the notation of a Role.
 *
 * @param message of a 403 answer.
 * @param namespace the operator's own. Rights there belong in its Role, all others in its ClusterRole.
 * @returns undefined if the message is not about a missing right.
 */
export const missingRight = (message: string, namespace: string): string | undefined => {
	const [, user, verb, resource, apiGroup, place] = rbacDenial.exec(message) ?? [];
	if (!user) {
		return undefined;
	}

	const role = place === namespace ? `the Role of the operator in the namespace "${namespace}"` : 'the ClusterRole of the operator';
	return `the operator may not ${verb} ${resource}${place ? ` in the namespace "${place}"` : ''}: add the rule {apiGroups: ["${apiGroup}"], resources: ["${resource}"], verbs: ["${verb}"]} to ${role}, which must be bound to "${user}"`;
};

/** Returns a function to call with the message of every 403 answer. It logs each missing right at once, and again at most once a minute. */
export const createMissingRightLog = (namespace: string, clock: Pick<Clock, 'now'>, logger: Pick<Logger, 'error'>) => {
	const loggedAt = new Map<string, number>();
	return (message: string): void => {
		const sentence = missingRight(message, namespace);
		if (sentence && clock.now() - (loggedAt.get(sentence) ?? -Infinity) >= repeatMs) {
			loggedAt.set(sentence, clock.now());
			logger.error(sentence);
		}
	};
};
