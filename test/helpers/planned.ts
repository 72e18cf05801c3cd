/** Plans a Pod and applies numbers to it, as an admission does. */
import {applyPorts} from '../../src/admission/apply-ports.ts';
import {planPod} from '../../src/admission/pod-plan.ts';
import type {AllocationPlan} from '../../src/admission/pod-plan.ts';
import type {Pod} from '../../src/admission/pod.ts';
import {withoutStaleAllocation} from '../../src/admission/stale-allocation.ts';
import {defaultRanges, requestFor} from './pods.ts';

/** @throws {TypeError} when the Pod asks for no host ports. */
export const planFor = (pod: Pod): AllocationPlan => {
	const plan = planPod(requestFor(pod), pod, defaultRanges);
	if (plan.kind === 'skip') {
		throw new TypeError(`skipped: ${plan.reason}`);
	}

	return plan;
};

/** The Pod with the numbers from `first` on. */
export const numberedFrom = (first: number, pod: Pod): Pod => {
	const fresh = withoutStaleAllocation(pod);
	const plan = planFor(fresh);
	return applyPorts(fresh, plan, plan.demand.numbers.map((_, index) => first + index));
};
