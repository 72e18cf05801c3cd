/** One admission from review to answer, and the only place that turns errors into answers. */
import type {Logger} from 'pino';
import {DenialError} from '../errors.ts';
import type {Metrics} from '../metrics.ts';
import type {PodDemand} from '../ports/demand.ts';
import type {AllowedRange, PortRange} from '../ports/port-range.ts';
import {applyPorts} from './apply-ports.ts';
import {warningsAboutHostNetwork} from './host-network-warnings.ts';
import {warningsAboutNumbers} from './number-warnings.ts';
import {patchBetween} from './patch.ts';
import {planPod, reasonToSkip} from './pod-plan.ts';
import type {SkipReason} from './pod-plan.ts';
import {checkPodSecurity, forbidsHostPorts, podSecurityWarning} from './pod-security.ts';
import type {PodSecurityCheck} from './pod-security.ts';
import {decodePod} from './pod.ts';
import {allowed, decodeReview, denied, errored, outcomeOf, patched} from './review.ts';
import type {AdmissionRequest, AdmissionReview} from './review.ts';
import {shorten} from './quote.ts';
import {withoutStaleAllocation} from './stale-allocation.ts';
import {mirrorPodWarning} from './warnings.ts';

/** Numbers of a Pod in its log line, which also has their count: a Pod may have thousands. */
const maximumLoggedPorts = 10;

/** Warnings in that line, of 120 characters each. Controllers, such as that of StatefulSets, do not show the warnings about their Pods. */
const maximumLoggedWarnings = 3;

type PodMutatorOptions = {
	/** Resolves with one number for each element of `demand.numbers`, once they are committed. Throws `DenialError`. */
	readonly reserve: (demand: PodDemand, signal: AbortSignal) => Promise<readonly number[]>;
	/** The numbers that `reserve` would give now. Writes nothing. */
	readonly dryRun: (demand: PodDemand, signal: AbortSignal) => Promise<readonly number[]>;
	/** The labels of the Pod's namespace: read now if they must be `fresh`, else perhaps some seconds old. */
	readonly namespaceLabels: (namespace: string, signal: AbortSignal, options?: {readonly fresh: boolean}) => Promise<Readonly<Record<string, string>>>;
	/** What the administrator allows, merged and sorted. */
	readonly ranges: readonly AllowedRange[];
	readonly maxPortsPerPod: number;
	/** What becomes of a Pod whose namespace forbids host ports by its labels. */
	readonly podSecurityCheck: PodSecurityCheck;
	/** From which Services get NodePorts; empty if no warnings are wanted. */
	readonly nodePortRange: readonly PortRange[];
	/** The operator's own, for advice. */
	readonly namespace: string;
	readonly logger: Logger;
	readonly metrics: Pick<Metrics, 'admissionDuration' | 'inFlight' | 'denials'>;
};

/**
 * Makes a function that answers an AdmissionReview: allowed, patched, denied or errored.
 *
 * @throws {BadReviewError} if the body is no AdmissionReview: then there is no UID to answer.
 */
export const createPodMutator = (options: PodMutatorOptions) =>
	async (body: unknown, signal: AbortSignal): Promise<AdmissionReview> => {
		const {admissionDuration, inFlight} = options.metrics;
		const end = admissionDuration.startTimer();
		const request = decodeReview(body);
		inFlight.inc();
		try {
			const review = await mutatePod(request, options, signal).catch((error: unknown) => reviewOf(error, request, options, signal));
			end({outcome: outcomeOf(review)});
			return review;
		} finally {
			inFlight.dec();
		}
	};

const reviewOf = (problem: unknown, request: AdmissionRequest, {namespace, logger, metrics}: PodMutatorOptions, signal: AbortSignal): AdmissionReview => {
	const error = problem instanceof DenialError || !signal.aborted ? problem : tooLate(problem);
	if (error instanceof DenialError) {
		metrics.denials.inc({reason: error.reason});
		logger.warn({...named(request), code: error.code, reason: error.reason}, `denied: ${error.message}`);
		return denied(request, error);
	}

	logger.error({err: error, ...named(request)}, 'a Pod could not be given ports');
	return errored(request, `the HostPort Operator failed; its log says why: kubectl logs -n ${namespace} -l app.kubernetes.io/name=hostport-operator --tail=-1 --prefix`);
};

/** For the log, whose lines must be short: a name is checked only after us. The UID is in the API server's audit log too. */
const named = ({uid, namespace, name}: AdmissionRequest) => ({uid: shorten(uid), namespace, name: shorten(name, 253)});

/** After the deadline, every failure is answered with "try again" and logged as a denial. */
const tooLate = (cause: unknown): DenialError => new DenialError(503, 'no host ports could be reserved in time: try again', {cause, reason: 'timeout'});

const mutatePod = async (request: AdmissionRequest, options: PodMutatorOptions, signal: AbortSignal): Promise<AdmissionReview> => {
	const {reserve, dryRun, ranges, maxPortsPerPod, nodePortRange, logger} = options;
	const allowUnchanged = (reason: SkipReason, warnings?: readonly string[]): AdmissionReview => {
		logger.debug({...named(request), reason}, 'passed without ports');
		return allowed(request, warnings);
	};

	const reason = reasonToSkip(request);
	if (reason) {
		return allowUnchanged(reason, reason === 'a mirror Pod' ? [mirrorPodWarning] : []);
	}

	const sent = decodePod(request.object);
	const pod = withoutStaleAllocation(sent);
	const plan = planPod(request, pod, ranges, maxPortsPerPod);
	if (plan.kind === 'skip') {
		return allowUnchanged(plan.reason, plan.warnings);
	}

	const securityWarnings = await judgePodSecurity(request.namespace, options, signal);
	const numbers = await (request.dryRun ? dryRun : reserve)(plan.demand, signal);
	const numbered = applyPorts(pod, plan, numbers);
	const warnings = [
		...securityWarnings,
		...plan.warnings,
		...warningsAboutNumbers(pod, plan, numbers, nodePortRange),
		...warningsAboutHostNetwork(pod, numbered, plan, numbers),
	];
	logger.info({
		uid: shorten(request.uid),
		pod: plan.demand.pod,
		count: numbers.length,
		ports: numbers.slice(0, maximumLoggedPorts),
		...(warnings.length > 0 && {warnings: warnings.slice(0, maximumLoggedWarnings)}),
		...(request.dryRun && {dryRun: true}),
	}, 'allocated');
	return patched(request, patchBetween(sent, numbered), warnings);
};

/**
 * What the labels of the Pod's namespace mean for a Pod with host ports: nothing, a warning, or a denial. Labels that are some
 * seconds old are good enough for a warning. Before a denial they are read again: the author may just have followed the
 * advice of an earlier one.
 */
const judgePodSecurity = async (namespace: string, {namespaceLabels, podSecurityCheck}: PodMutatorOptions, signal: AbortSignal): Promise<readonly string[]> => {
	const labels = await namespaceLabels(namespace, signal);
	if (!forbidsHostPorts(labels)) {
		return [];
	}

	if (podSecurityCheck === 'warn') {
		return [podSecurityWarning(labels)];
	}

	checkPodSecurity(namespace, await namespaceLabels(namespace, signal, {fresh: true}));
	return [];
};
