import test from 'ava';
import {isMarked, otherInstallation} from '../../src/certificates/installation.ts';
import type {WebhookConfiguration} from '../../src/certificates/webhook-configuration.ts';

const configuration = (annotations: Record<string, string>, ...namespaces: readonly string[]): WebhookConfiguration => ({
	metadata: {name: 'hooks', uid: 'uid', resourceVersion: '1', annotations},
	webhooks: namespaces.map(namespace => ({clientConfig: {service: {name: 'service', namespace}}})),
});

test('a configuration of this installation, or of none yet, is no other installation\'s', t => {
	t.is(otherInstallation(configuration({}, 'operators'), 'operators'), undefined);
	t.is(otherInstallation(configuration({'hostport.io/installed-in': 'operators'}, 'operators', 'operators'), 'operators'), undefined);
	t.is(otherInstallation({metadata: {name: 'hooks', uid: 'uid', resourceVersion: '1'}, webhooks: [{clientConfig: {url: 'https://127.0.0.1'}}]}, 'operators'), undefined);
});

test('the second installation is told about the first, and how to keep it or to move', t => {
	const message = otherInstallation(configuration({'hostport.io/installed-in': 'operators'}, 'second'), 'second') ?? '';
	t.regex(message, /^the operator is already installed in the namespace operators, and this is a second installation in the namespace second, /);
	t.regex(message, /run "kubectl delete namespace second" and apply the manifests of the first one again/);
	t.regex(message, /run "kubectl annotate mutatingwebhookconfiguration hooks hostport\.io\/installed-in-"$/);
});

test('the first installation is told that a second one has replaced the cluster-wide objects', t => {
	for (const annotations of [{}, {'hostport.io/installed-in': 'operators'}]) {
		t.regex(otherInstallation(configuration(annotations, 'operators', 'second'), 'operators') ?? '',
			/^the MutatingWebhookConfiguration hooks calls the Service in the namespace second, and this operator runs in the namespace operators: /);
	}
});

test('a configuration is marked once it names a namespace', t => {
	t.false(isMarked(configuration({}, 'operators')));
	t.true(isMarked(configuration({'hostport.io/installed-in': 'operators'}, 'operators')));
});
