/** Says which rule is missing when the API server denies a request for want of a right, wherever in the program it came from. */
import type {Logger} from 'pino';
import type {Clock} from '../clock.ts';

/** Often enough for whoever looks at the end of the log, and no flood. */
const repeatMs = 60_000;

/** As the API server words it (apiserver/pkg/endpoints/handlers/responsewriters/errors.go); other denials, such as by a quota, differ. */
const denied = /User "([^"]+)" cannot (\S+) resource "([^"]+)" in API group "([^"]*)" (?:in the namespace "([^"]+)"|at the cluster scope)/;

/**
 * The rule to add, as it is written in a Role.
 *
 * @param message what the API server says.
 * @param namespace the operator's own, where its Role counts; everywhere else its ClusterRole does.
 * @returns undefined where the message is about something else than a missing right.
 */
export const missingRight = (message: string, namespace: string): string | undefined => {
	const [, user, verb, resource, apiGroup, place] = denied.exec(message) ?? [];
	if (!user) {
		return undefined;
	}

	const role = place === namespace ? `the Role of the operator in the namespace "${namespace}"` : 'the ClusterRole of the operator';
	return `the operator may not ${verb} ${resource}${place ? ` in the namespace "${place}"` : ''}: add the rule {apiGroups: ["${apiGroup}"], resources: ["${resource}"], verbs: ["${verb}"]} to ${role}, which must be bound to "${user}"`;
};

/** Logs each missing right when it is first missed, and then once a minute for as long as it is. Told of all that the API server denies. */
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
