/** What a namespace's PodSecurity level means for host ports. Pure. */
import {DenialError} from '../errors.ts';

const enforceLabel = 'pod-security.kubernetes.io/enforce';

/**
 * The levels `baseline` and `restricted` forbid host ports and the host network (Kubernetes, Pod Security Standards), so
 * the API server will refuse the Pod after us. Better to say so before a port is reserved: a controller that tries again
 * and again would fill the ledger.
 *
 * @throws {DenialError} 403 which names the namespace, its level and the way out.
 */
export const checkPodSecurity = (namespace: string, labels: Readonly<Record<string, string>>): void => {
	const level = labels[enforceLabel];
	if (level === 'baseline' || level === 'restricted') {
		throw new DenialError(403, `the namespace ${namespace} enforces the PodSecurity level "${level}", which forbids host ports: create the Pod in another namespace, or set the label ${enforceLabel} of this one to "privileged"`);
	}
};
