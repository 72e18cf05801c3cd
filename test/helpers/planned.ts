/** From a Pod to the Pod with its numbers, as an admission does it. */
import {applyPorts} from '../../src/admission/apply-ports.ts';
import {planPod} from '../../src/admission/pod-plan.ts';
import type {AllocationPlan} from '../../src/admission/pod-plan.ts';
import type {Pod} from '../../src/admission/pod.ts';
import {withoutStaleAllocation} from '../../src/admission/stale-allocation.ts';
import {defaultRanges, requestFor} from './pods.ts';

/** @throws {TypeError} when the Pod is let through as it is. */
export const planFor = (pod: Pod): AllocationPlan => {
	const plan = planPod(requestFor(pod), pod, defaultRanges);
	if (plan.kind === 'skip') {
		throw new TypeError(`skipped: ${plan.reason}`);
	}

	return plan;
};

/** The Pod with `first` and the numbers after it. */
export const numberedFrom = (first: number, pod: Pod): Pod => {
	const fresh = withoutStaleAllocation(pod);
	const plan = planFor(fresh);
	return applyPorts(fresh, plan, plan.demand.numbers.map((_, index) => first + index));
};
