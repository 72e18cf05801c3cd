/** Properties of every admission, from decoding to the patch. */
import test from 'ava';
import fc from 'fast-check';
import {patchBetween} from '../../src/admission/patch.ts';
import {applyPorts} from '../../src/admission/apply-ports.ts';
import {planPod, reasonToSkip} from '../../src/admission/pod-plan.ts';
import type {AllocationPlan} from '../../src/admission/pod-plan.ts';
import {decodePod} from '../../src/admission/pod.ts';
import type {Container, ContainerPort, Pod} from '../../src/admission/pod.ts';
import {decodeReview, patched} from '../../src/admission/review.ts';
import {withoutStaleAllocation} from '../../src/admission/stale-allocation.ts';
import {BadReviewError, DenialError} from '../../src/errors.ts';
import {deepFreeze} from '../../harness/deep-freeze.ts';
import {replicaSetReview, statefulSetReview} from '../helpers/fixtures.ts';
import {applyPatch} from '../helpers/json-patch.ts';
import {numberedFrom} from '../helpers/planned.ts';
import {arbitraryPod, defaultRanges, requestFor} from '../helpers/pods.ts';

const containersOf = ({spec}: Pod): Container[] => [...spec.containers ?? [], ...spec.initContainers ?? []];

const portAt = (pod: Pod, path: string): ContainerPort => {
	const [, , list, container, , port] = path.split('/');
	const found = pod.spec[list as 'containers' | 'initContainers']?.[Number(container)]?.ports?.[Number(port)];
	if (!found) {
		throw new RangeError(`no ${path}`);
	}

	return found;
};

type Case = {readonly pod: Pod; readonly plan: AllocationPlan; readonly numbers: readonly number[]; readonly after: Pod};

/** Numbers from 20,000 on, in any order; no Pod has such a port itself. */
const checkEach = (check: (example: Case) => void): void => {
	const low = arbitraryPod.filter(pod => containersOf(pod).every(({ports}) => ports?.every(({containerPort}) => containerPort < 20_000)));
	fc.assert(fc.property(low, fc.uniqueArray(fc.integer({min: 20_000, max: 29_999}), {minLength: 30, maxLength: 30}), (pod, numbers) => {
		deepFreeze(pod);
		let plan;
		try {
			plan = planPod(requestFor(pod), pod, defaultRanges);
		} catch (error) {
			// Two ports with one name, or a named port that the Pod does not have.
			fc.pre(!(error instanceof DenialError));
			throw error;
		}

		if (plan.kind === 'allocate') {
			check({pod, plan, numbers, after: applyPorts(pod, plan, numbers)});
		}
	}), {numRuns: 500});
};

test('applying the patch gives the Pod with its numbers', t => {
	checkEach(({pod, after}) => {
		t.deepEqual(applyPatch(pod, patchBetween(pod, after)), after);
	});
});

test('the patch holds only what changed', t => {
	checkEach(({pod, after}) => {
		for (const {path, value} of patchBetween(pod, after)) {
			const before = path.split('/').slice(1).reduce<unknown>((place, step) => (place as Record<string, unknown> | undefined)?.[step], pod);
			t.notDeepEqual(before, value, path);
		}
	});
});

test('every managed port has its number, on the host network also as containerPort', t => {
	checkEach(({pod, plan, numbers, after}) => {
		for (const {path, numberIndex} of plan.assignments) {
			t.is(portAt(after, path).hostPort, numbers[numberIndex]);
			t.is<number | undefined, number | undefined>(portAt(after, path).containerPort, plan.options.hostNetwork ? numbers[numberIndex] : portAt(pod, path).containerPort);
		}
	});
});

test('every demanded number goes to a port, and every managed port has its annotation', t => {
	checkEach(({plan, numbers, after}) => {
		t.deepEqual(new Set(plan.assignments.map(({numberIndex}) => numberIndex)), new Set(plan.demand.numbers.keys()));
		for (const {name, numberIndex} of plan.assignments) {
			t.is(after.metadata.annotations?.[`hostport.io/allocated-${name}`], String(numbers[numberIndex]));
		}
	});
});

test('unmanaged ports are not changed', t => {
	checkEach(({pod, plan, after}) => {
		const managed = new Set(plan.assignments.map(({path}) => path));
		for (const list of ['containers', 'initContainers'] as const) {
			for (const [index, {ports}] of (pod.spec[list] ?? []).entries()) {
				for (const [portIndex, port] of (ports ?? []).entries()) {
					const path = `/spec/${list}/${index}/ports/${portIndex}`;
					t.true(managed.has(path) || portAt(after, path) === port);
				}
			}
		}
	});
});

test('a user\'s variables keep their values and order, and ours come before them', t => {
	checkEach(({pod, after}) => {
		for (const [index, {env}] of containersOf(after).entries()) {
			const own = containersOf(pod)[index]?.env ?? [];
			t.deepEqual(env?.slice(env.length - own.length), own);
			const names = env?.map(({name}) => name) ?? [];
			t.is(new Set(names).size, names.length);
			t.true(names.includes('HOSTPORT_HOST_IP'));
		}
	});
});

test('a copied manifest gets the same plan and result as the original', t => {
	checkEach(({pod, plan, after}) => {
		const copy = withoutStaleAllocation(deepFreeze(after));
		const planOfCopy = planPod(requestFor(copy), copy, defaultRanges);
		t.deepEqual(planOfCopy, plan);
		t.deepEqual(numberedFrom(31_000, after), numberedFrom(31_000, pod));
	});
});

test('numbers that equal other ports of the Pod do no harm', t => {
	fc.assert(fc.property(arbitraryPod, fc.shuffledSubarray([53, 80, 443, 7777, 9000, 9001, 9002, 9003, 9004, 9005, 9006, 9007, 9008, 9009, 9010, 9011, 9012, 9013, 9014, 9015, 9016, 9017, 9018, 9019], {minLength: 24}), (pod, numbers) => {
		try {
			const plan = planPod(requestFor(pod), pod, defaultRanges);
			if (plan.kind === 'allocate') {
				const copy = withoutStaleAllocation(applyPorts(pod, plan, numbers));
				planPod(requestFor(copy), copy, defaultRanges);
			}
		} catch (error) {
			return error instanceof DenialError;
		}

		return true;
	}));
	t.pass();
});

/** An admission as in mutate-pod.ts, without the ledger. */
const admit = (body: unknown) => {
	const request = decodeReview(body);
	if (reasonToSkip(request) !== undefined) {
		return undefined;
	}

	const pod = decodePod(request.object);
	const fresh = withoutStaleAllocation(pod);
	const plan = planPod(request, fresh, defaultRanges);
	if (plan.kind === 'skip') {
		return undefined;
	}

	const after = applyPorts(fresh, plan, plan.demand.numbers.map((_, index) => 20_000 + index));
	return patched(request, patchBetween(pod, after), plan.warnings);
};

test('what an API server sends is admitted', t => {
	for (const body of [statefulSetReview(), replicaSetReview()]) {
		const review = admit(body);
		t.true(review?.response.allowed);
		const patch = JSON.parse(Buffer.from(review?.response.patch ?? '', 'base64').toString()) as Parameters<typeof applyPatch>[1];
		t.deepEqual(patch.map(({path}) => path).filter(path => !path.startsWith('/spec/')), ['/metadata/labels', '/metadata/annotations']);
		const object = applyPatch(decodeReview(body).object, patch);
		t.notThrows(() => decodePod(object));
	}
});

test('a review with one arbitrary member is answered or fails with a documented error', t => {
	const pathsOf = (value: unknown, path: readonly string[] = []): string[][] => typeof value === 'object' && value !== null
		? [[...path], ...Object.entries(value).flatMap(([key, member]) => pathsOf(member, [...path, key]))]
		: [[...path]];
	const anything = fc.oneof(fc.jsonValue(), fc.constantFrom(null, [], {}, [null], [{}], [[]], '', 'true', '65536', 0, -1, 65_536, 1e100, true, {toString: null}, JSON.parse('{"__proto__": null}')));
	for (const review of [statefulSetReview, replicaSetReview]) {
		const paths = pathsOf(review()).filter(path => path.length > 0);
		fc.assert(fc.property(fc.constantFrom(...paths), anything, (path, value) => {
			const body = review();
			const parent = path.slice(0, -1).reduce<unknown>((place, step) => (place as Record<string, unknown>)[step], body);
			(parent as Record<string, unknown>)[path.at(-1) ?? ''] = value;
			try {
				admit(body);
				return true;
			} catch (error) {
				return (error instanceof BadReviewError || error instanceof DenialError) && error.message.length < 800;
			}
		}), {numRuns: 1500});
	}

	t.pass();
});
