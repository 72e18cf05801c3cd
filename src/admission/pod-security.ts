/** Whether the PodSecurity level of a namespace, as its labels tell it, allows host ports. Pure. */
import {DenialError} from '../errors.ts';

/** What becomes of a Pod in a namespace whose labels forbid host ports. */
export type PodSecurityCheck = 'warn' | 'deny';

type Labels = Readonly<Record<string, string>>;

const enforceLabel = 'pod-security.kubernetes.io/enforce';

/**
 * Whether the labels of a namespace forbid host ports. The PodSecurity levels `baseline` and `restricted` do, and the API
 * server rejects such a Pod after us, unless its configuration exempts the user, the namespace or the runtime class. That
 * can't be seen here.
 */
export const forbidsHostPorts = ({[enforceLabel]: level}: Labels): boolean => level === 'baseline' || level === 'restricted';

/** For a Pod in a namespace that forbids host ports by its labels. At most 120 characters. */
export const podSecurityWarning = ({[enforceLabel]: level}: Labels): string =>
	`hostport.io: PodSecurity level "${level}" of this namespace forbids host ports, unless an exemption covers the Pod`;

/** @throws {DenialError} 403, which names the namespace, its PodSecurity level and the way out, if its labels forbid host ports. */
export const checkPodSecurity = (namespace: string, labels: Labels): void => {
	if (forbidsHostPorts(labels)) {
		throw new DenialError(403, `the namespace ${namespace} enforces the PodSecurity level "${labels[enforceLabel]}", which forbids host ports: create the Pod in another namespace, or set the label ${enforceLabel} of this one to "privileged"; if the API server exempts such Pods, ask the administrator of hostport-operator for --pod-security-check=warn`, {reason: 'pod_security'});
	}
};
