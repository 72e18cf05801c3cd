/** Who sends a request, as its client certificate says. */
export type Caller = {
	readonly user: string;
	readonly groups: readonly string[];
};

/** A controller of the embedded control plane, by the name that kube-controller-manager gives it. */
export const controller = (name: string): Caller => ({
	user: `system:serviceaccount:kube-system:${name}`,
	groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
});
