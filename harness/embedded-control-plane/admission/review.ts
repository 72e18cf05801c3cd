/** The AdmissionReview that a webhook is sent for a new Pod. */
import {randomUUID} from 'node:crypto';
import type {Stored} from '../../in-memory-api/kinds.ts';
import type {AdmissionOptions} from './mutating-webhooks.ts';

export type Review = ReturnType<typeof reviewOf>;

/** https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request */
export const reviewOf = (pod: Stored, {namespace, caller, isDryRun}: AdmissionOptions) => ({
	kind: 'AdmissionReview',
	apiVersion: 'admission.k8s.io/v1',
	request: {
		uid: randomUUID() as string,
		kind: podKind,
		resource: podResource,
		requestKind: podKind,
		requestResource: podResource,
		// A Pod with generateName gets its name after admission.
		...(pod.metadata.name && {name: pod.metadata.name}),
		namespace,
		operation: 'CREATE',
		userInfo: {username: caller.user, groups: caller.groups},
		object: pod,
		oldObject: null,
		dryRun: isDryRun,
		options: {kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', ...(isDryRun && {dryRun: ['All']})},
	},
});

const podKind = {group: '', version: 'v1', kind: 'Pod'};
const podResource = {group: '', version: 'v1', resource: 'pods'};
