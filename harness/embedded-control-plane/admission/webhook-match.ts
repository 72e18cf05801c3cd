/** Which webhooks are called for a new Pod: by their rules, selectors and match conditions. */
import {parse} from '@marcbachmann/cel-js';
import type {Review} from './review.ts';

type Labels = Readonly<Record<string, string>>;

export type LabelSelector = {
	readonly matchLabels?: Labels;
	readonly matchExpressions?: ReadonlyArray<{readonly key: string; readonly operator: string; readonly values?: readonly string[]}>;
};

/** `MutatingWebhook` of admissionregistration.k8s.io/v1, without what is not read. */
export type Webhook = {
	readonly name: string;
	readonly clientConfig: {readonly url?: string; readonly caBundle?: string};
	readonly rules?: ReadonlyArray<{
		readonly apiGroups?: readonly string[];
		readonly apiVersions?: readonly string[];
		readonly operations?: readonly string[];
		readonly resources?: readonly string[];
		readonly scope?: string;
	}>;
	readonly failurePolicy?: 'Fail' | 'Ignore';
	readonly matchConditions?: ReadonlyArray<{readonly name: string; readonly expression: string}>;
	readonly namespaceSelector?: LabelSelector;
	readonly objectSelector?: LabelSelector;
	readonly sideEffects?: string;
	readonly timeoutSeconds?: number;
};

/** @throws an Error if a match condition can't be evaluated, for instance because it reads a field that the Pod lacks. */
export const isCalledFor = (webhook: Webhook, review: Review, namespaceLabels: Labels): boolean => {
	const {rules = [], namespaceSelector, objectSelector, matchConditions = []} = webhook;
	return rules.some(rule => isPodCreation(rule))
		&& selects(namespaceSelector, namespaceLabels)
		&& selects(objectSelector, review.request.object.metadata.labels ?? {})
		&& holdAll(matchConditions.map(({expression}) => expression), review);
};

const isPodCreation = ({apiGroups = [], apiVersions = [], operations = [], resources = [], scope = '*'}: NonNullable<Webhook['rules']>[number]): boolean =>
	includes(apiGroups, '') && includes(apiVersions, 'v1') && includes(operations, 'CREATE') && (includes(resources, 'pods') || resources.includes('*/*')) && scope !== 'Cluster';

const includes = (values: readonly string[], value: string): boolean => values.includes(value) || values.includes('*');

/** Whether a selector matches; an absent one matches everything. */
export const selects = ({matchLabels = {}, matchExpressions = []}: LabelSelector = {}, labels: Labels): boolean =>
	Object.entries(matchLabels).every(([key, value]) => labels[key] === value)
	&& matchExpressions.every(({key, operator, values = []}) => {
		const isAmong = key in labels && values.includes(labels[key]!);
		switch (operator) {
			case 'In': {
				return isAmong;
			}

			case 'NotIn': {
				return !isAmong;
			}

			default: {
				return (key in labels) === (operator === 'Exists');
			}
		}
	});

const holdAll = (expressions: readonly string[], {request}: Review): boolean => {
	const {object, oldObject, ...rest} = celValue(request) as Review['request'];
	return expressions.every(expression => compiled(expression)({object, oldObject, request: rest}) === true);
};

const programs = new Map<string, ReturnType<typeof parse>>();

const compiled = (expression: string): ReturnType<typeof parse> => {
	const program = programs.get(expression) ?? parse(expression);
	programs.set(expression, program);
	return program;
};

/** The library takes JavaScript's numbers for CEL's doubles, and a whole number in an object is an int. */
const celValue = (value: unknown): unknown => {
	if (Array.isArray(value)) {
		return value.map(item => celValue(item));
	}

	if (typeof value === 'object' && value !== null) {
		return Object.fromEntries(Object.entries(value).map(([member, content]) => [member, celValue(content)]));
	}

	return Number.isInteger(value) ? BigInt(value as number) : value;
};
