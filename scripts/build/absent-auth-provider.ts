/** Replaces, in the bundle, the client library's support for auth-providers that Kubernetes has removed. It is for no user. */
class AbsentAuthProvider {
	isAuthProvider(): boolean {
		return false;
	}
}

export {AbsentAuthProvider as AzureAuth, AbsentAuthProvider as GoogleCloudPlatformAuth};
