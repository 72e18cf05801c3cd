/**
 * Decides whether the webhook's answer is valid: a 4xx, or an AdmissionReview whose patch, if it has one, applies to the sent
 * Pod and adds exactly the ports that were reserved for it. It uses none of the code that makes the webhook's answers.
 */
import * as v from 'valibot';
import {applyPatch} from '../helpers/json-patch.ts';
import type {Message} from './arbitrary-message.ts';
import type {Outcome} from './webhook-client.ts';
import type {Given} from './webhook.ts';

/** `cut off`: the webhook closed the connection while a large body was still being sent. */
export type Verdict = '4xx' | 'cut off' | 'allowed' | 'patched' | 'patched in a dry run' | 'denied';

/** The answer is invalid, or does not match what was reserved. */
export class InvalidAnswerError extends Error {
	override name = 'InvalidAnswerError';
}

/** The part of `admission.k8s.io/v1` that the webhook may use. */
const reviewSchema = v.strictObject({
	apiVersion: v.literal('admission.k8s.io/v1'),
	kind: v.literal('AdmissionReview'),
	response: v.strictObject({
		uid: v.pipe(v.string(), v.nonEmpty()),
		allowed: v.boolean(),
		status: v.optional(v.strictObject({code: v.picklist([400, 403, 503]), reason: v.pipe(v.string(), v.nonEmpty()), message: v.pipe(v.string(), v.nonEmpty(), v.maxLength(1024))})),
		patchType: v.optional(v.literal('JSONPatch')),
		patch: v.optional(v.pipe(v.string(), v.base64())),
		auditAnnotations: v.optional(v.strictObject({'request-uid': v.string()})),
		warnings: v.optional(v.array(v.pipe(v.string(), v.nonEmpty()))),
	}),
});

const patchSchema = v.pipe(v.array(v.strictObject({op: v.literal('add'), path: v.pipe(v.string(), v.startsWith('/')), value: v.unknown()})), v.minLength(1));

/** A body of this size fits into a connection's buffers, so its sender gets the answer even if the webhook stops reading. */
const maxUnreadBytes = 64 * 1024;

/** @returns what kind of valid answer it is. @throws {InvalidAnswerError} */
export const judge = (message: Message, outcome: Outcome): Verdict => {
	const verdict = verdictOf(message, outcome);
	demand(verdict === 'patched' || outcome.entries.length === 0, `${verdict}, but these ports are reserved: ${outcome.entries.join(', ')}`);
	demand(Object.keys(Object.prototype).length === 0, `the answer added members to Object.prototype: ${Object.keys(Object.prototype).join(', ')}`);
	return verdict;
};

const verdictOf = ({body}: Message, {answer, given, entries}: Outcome): Verdict => {
	if (!answer) {
		demand(body.length > maxUnreadBytes, 'no answer');
		return 'cut off';
	}

	if (answer.status >= 400 && answer.status < 500) {
		demand(answer.body.length > 0, `an empty answer with status ${answer.status}`);
		return '4xx';
	}

	demand(answer.status === 200, `status ${answer.status}: ${answer.body.slice(0, 200)}`);
	// TextDecoder removes a byte order mark, as the webhook does.
	const sent = parsed(new TextDecoder().decode(body), 'the request') as {request: Request};
	const {response} = valid(reviewSchema, parsed(answer.body, 'the answer'));
	demand(response.uid === sent.request.uid, `the UID is ${response.uid}`);
	demand(response.allowed !== ('status' in response), 'a denial must have a status, and an allowed answer must not');
	demand(('patch' in response) === ('patchType' in response), 'a patch and its type must come together');
	if (response.patch === undefined) {
		return response.allowed ? 'allowed' : 'denied';
	}

	demand(response.allowed, 'a denial has a patch');
	const patch = valid(patchSchema, parsed(Buffer.from(response.patch, 'base64').toString(), 'the patch'));
	const [first, ...more] = given;
	demand(first !== undefined && more.length === 0, `a patch, but ${given.length} reservations`);
	checkPod(applied(sent.request.object, patch), first);
	if (sent.request.dryRun === true) {
		return 'patched in a dry run';
	}

	// Host ports that stay as written are reserved too. They are not in the patch.
	const expected = [...keysOf(first), ...first.demand.ownPorts.map(({port, protocol}) => `${port}.${protocol.toLowerCase()}`)];
	demand(sameMembers(entries, expected), `the answer gives ${expected.join(', ')}, but the ledger has ${entries.join(', ')}`);
	return 'patched';
};

type Request = {readonly uid: unknown; readonly dryRun?: unknown; readonly object: unknown};

type Port = {readonly containerPort: number; readonly hostPort?: number; readonly protocol?: string};

type PatchedPod = {
	readonly metadata: {readonly annotations: Readonly<Record<string, string>>};
	readonly spec: Readonly<Record<'containers' | 'initContainers', ReadonlyArray<{readonly ports?: readonly Port[] | null}> | null | undefined>> & {readonly hostNetwork?: boolean};
};

/** Every given number must be in the range, on a port of the Pod with the right protocol, and in the annotations. */
const checkPod = ({metadata, spec}: PatchedPod, {demand: wanted, numbers}: Given): void => {
	demand(numbers.length === wanted.numbers.length && new Set(numbers).size === numbers.length, `${wanted.numbers.length} different numbers are needed, given are ${numbers.join(', ')}`);
	demand(numbers.every(number => Number.isInteger(number) && number >= Math.max(wanted.basePort, 1024) && number <= Math.min(wanted.maxPort, 32_767)), `${numbers.join(', ')} are not all in the range`);
	const ports = [...spec.containers ?? [], ...spec.initContainers ?? []].flatMap(container => container.ports ?? []);
	const ours = ports.filter(({hostPort}) => numbers.includes(hostPort ?? 0));
	const found = new Set(ours.map(({hostPort, protocol}) => `${hostPort}.${(protocol ?? 'TCP').toLowerCase()}`));
	const missing = keysOf({demand: wanted, numbers}).find(key => !found.has(key));
	demand(missing === undefined, `no port of the Pod has ${missing}`);
	demand(!spec.hostNetwork || ours.every(({hostPort, containerPort}) => hostPort === containerPort), 'on the host network, hostPort must equal containerPort');
	const told = Object.entries(metadata.annotations).filter(([name]) => name.startsWith('hostport.io/allocated-')).map(([, value]) => value);
	demand(sameMembers([...new Set(told)], numbers.map(String)), `given ${numbers.join(', ')}, but the annotations say ${told.join(', ')}`);
};

const keysOf = ({demand: {numbers: wanted}, numbers}: Given): string[] =>
	wanted.flatMap(({ports}, index) => ports.map(({protocol}) => `${numbers[index]}.${protocol.toLowerCase()}`));

const sameMembers = (left: readonly string[], right: readonly string[]): boolean => left.toSorted().join() === right.toSorted().join();

const applied = (object: unknown, patch: v.InferOutput<typeof patchSchema>): PatchedPod => {
	try {
		return applyPatch(object, patch) as PatchedPod;
	} catch (error) {
		throw new InvalidAnswerError(`the patch does not apply: ${String(error)}`, {cause: error});
	}
};

const parsed = (text: string, what: string): unknown => {
	try {
		return JSON.parse(text);
	} catch (error) {
		throw new InvalidAnswerError(`${what} is not JSON: ${text.slice(0, 200)}`, {cause: error});
	}
};

const valid = <Value>(schema: v.GenericSchema<unknown, Value>, value: unknown): Value => {
	const {success, output, issues} = v.safeParse(schema, value);
	if (!success) {
		throw new InvalidAnswerError(`${v.summarize(issues)}: ${JSON.stringify(value).slice(0, 500)}`);
	}

	return output;
};

function demand(condition: boolean, problem: string): asserts condition {
	if (!condition) {
		throw new InvalidAnswerError(problem);
	}
}
