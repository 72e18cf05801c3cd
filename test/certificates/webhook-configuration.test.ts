import test from 'ava';
import {encodeBundle} from '../../src/certificates/certificate-set.ts';
import {describeBundle, hasBundle, hostsOf, trustedBy} from '../../src/certificates/webhook-configuration.ts';
import type {WebhookConfiguration} from '../../src/certificates/webhook-configuration.ts';
import {madeAt, newSet} from '../helpers/certificates.ts';

type ClientConfig = NonNullable<WebhookConfiguration['webhooks']>[number]['clientConfig'];

const configuration = (...clientConfigs: readonly ClientConfig[]): WebhookConfiguration => ({
	metadata: {name: 'hooks', uid: 'uid', resourceVersion: '1'},
	webhooks: clientConfigs.map(clientConfig => ({clientConfig})),
});

const base64 = (text: string) => Buffer.from(text).toString('base64');

const [one, other] = await Promise.all([newSet(), newSet({now: madeAt + 1000})]);

test('the API server calls the Service, or the host of the URL', t => {
	t.deepEqual(hostsOf(configuration({service: {name: 'hooks', namespace: 'operators'}}, {url: 'https://127.0.0.1:8443/x'}, {url: 'https://[::1]/x'}, {url: 'https://hooks.example/x'})),
		['hooks.operators.svc', '127.0.0.1', '::1', 'hooks.example']);
	t.deepEqual(hostsOf(configuration({}, {url: 'nowhere'})), []);
	t.deepEqual(hostsOf({metadata: {name: 'hooks', uid: 'uid', resourceVersion: '1'}}), []);
});

test('an authority is trusted if it is in the caBundle of every webhook', t => {
	const both = base64(encodeBundle([one.signer, other.signer]));
	t.deepEqual(trustedBy(configuration({caBundle: both})).map(({pem}) => pem), [one.signer.pem, other.signer.pem]);
	t.deepEqual(trustedBy(configuration({caBundle: both}, {caBundle: base64(other.signer.pem)})).map(({pem}) => pem), [other.signer.pem]);
	t.deepEqual(trustedBy(configuration({caBundle: both}, {})), []);
	t.deepEqual(trustedBy(configuration()), []);
});

test('a caBundle is compared with the expected one, and described', t => {
	const bundle = encodeBundle([one.signer]);
	t.true(hasBundle(configuration({caBundle: base64(`${bundle}\n`)}), bundle));
	t.false(hasBundle(configuration({caBundle: base64(bundle)}, {}), bundle));
	t.false(hasBundle(configuration({caBundle: base64(encodeBundle([one.signer, other.signer]))}), bundle));
	t.is(describeBundle(configuration({}, {caBundle: ''})), 'is empty');
	t.is(describeBundle(configuration({caBundle: base64('invalid')})), 'contains no CA certificate');
	t.is(describeBundle(configuration({caBundle: base64(encodeBundle([one.signer, other.signer]))})),
		'contains "CN=hostport-operator webhook authority 2026-11-22T10:00:00.000Z" and "CN=hostport-operator webhook authority 2026-11-22T10:00:01.000Z"');
});
