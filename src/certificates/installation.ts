/**
 * Which installation of the operator the webhook configuration belongs to. A cluster has only one configuration, and kubectl
 * silently overwrites it when the operator is installed in a second namespace. Two ledgers would give the same ports. Pure.
 */
import type {WebhookConfiguration} from './webhook-configuration.ts';

/** Names the operator's namespace. The operator sets it; `kubectl apply` keeps it, because it is not in the manifests. */
export const namespaceAnnotation = 'hostport.io/installed-in';

/** Whether the operator has marked the configuration as its own. */
export const isMarked = ({metadata: {annotations = {}}}: WebhookConfiguration): boolean => annotations[namespaceAnnotation] !== undefined;

/**
 * @param namespace the operator's own.
 * @returns a sentence for the log if the configuration belongs to, or calls, an installation in another namespace.
 */
export const otherInstallation = ({metadata: {name, annotations = {}}, webhooks = []}: WebhookConfiguration, namespace: string): string | undefined => {
	const owner = annotations[namespaceAnnotation];
	if (owner !== undefined && owner !== namespace) {
		return `the operator is already installed in the namespace ${owner}, and this is a second installation in the namespace ${namespace}, which would give the same ports: it does not start. To keep the first one, run "kubectl delete namespace ${namespace}" and apply the manifests of the first one again, because the second ones have replaced its cluster-wide objects. To move to ${namespace}, remove the Deployment in ${owner} and run "kubectl annotate mutatingwebhookconfiguration ${name} ${namespaceAnnotation}-"`;
	}

	const called = webhooks.map(({clientConfig: {service}}) => service?.namespace).find(other => other !== undefined && other !== namespace);
	return called === undefined
		? undefined
		: `the MutatingWebhookConfiguration ${name} calls the Service in the namespace ${called}, and this operator runs in the namespace ${namespace}: a second installation has replaced the cluster-wide objects. To keep this one, run "kubectl delete namespace ${called}" and apply the manifests of this one again`;
};
