/** The pages for users: their links lead somewhere, and what they promise in words is there. */
import {existsSync} from 'node:fs';
import {readFile, readdir} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {parse} from 'yaml';

const root = path.join(import.meta.dirname, '..', '..');

type StatefulSet = {
	readonly metadata: {readonly name: string};
	readonly spec: {readonly template: {readonly metadata: object; readonly spec: {readonly containers: ReadonlyArray<{readonly ports: object; readonly args: readonly string[]}>}}};
};

const read = async (page: string): Promise<string> => readFile(path.join(root, page), 'utf8');

const pages = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', ...(await readdir(path.join(root, 'docs'))).filter(name => name.endsWith('.md')).map(name => `docs/${name}`)];

/** As GitHub makes them from headings. */
const anchorsOf = (text: string): Set<string> => new Set(text.matchAll(/^#+ (.+)$/gm)
	.map(([, heading = '']) => heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')));

test('each link between the pages leads to a file, and to a heading in it', async t => {
	for (const page of pages) {
		const text = await read(page);
		// GitHub serves the state of its own workflows below ../../actions, whatever the repository is called.
		for (const [, target = ''] of text.matchAll(/\]\(((?!https?:|\.\.\/\.\.\/actions\/workflows\/test\.yml)[^)\s]+)\)/g)) {
			const [file = '', anchor] = target.split('#');
			const linked = file === '' ? page : path.join(path.dirname(page), file);
			t.true(existsSync(path.join(root, linked)), `${page} links to ${target}`);
			t.true(anchor === undefined || anchorsOf(await read(linked)).has(anchor), `${page} links to ${target}`);
		}
	}
});

for (const [page, sentences] of Object.entries({
	'docs/guarantees.md': [
		'No two live Pods are given the same port number and protocol by this operator.',
		'make sure that the machine is off',
		'--bump-revision',
		'If the API servers have a longer `--request-timeout`, set `--api-request-timeout` to it.',
		'a page that is put back gives no ports until the hold time has passed',
		'The ports of a stored Pod can\'t be changed',
		'The reconciler records them as `foreign`',
		'kubectl get events -A --field-selector reason=DuplicateHostPort',
	],
	'docs/host-network.md': [
		'Every port is open on the node\'s addresses',
		'can be reached by all processes of the node and by all other Pods on the host network',
		'It is entered in the ledger, and the Pod is rejected if another Pod has the number.',
		'| Service with `targetPort: 8080` | **no** |',
		'| annotation `prometheus.io/port: "9090"` | **no** |',
		'| … without a number, such as `redis-cli ping` | **no**',
		'each member has another number',
		'most network plugins ignore them',
		'Istio and Linkerd don\'t inject a sidecar',
		'Ports that other webhooks add later are not managed',
		'`hostname` prints the node\'s name.',
		'| StatefulSet or bare Pod that is created again within the hold time (two minutes) | yes',
	],
	'SECURITY.md': [
		'**A ResourceQuota on Pods does not bound reservations**',
		'`--max-ports-per-pod`, 128 by default',
		'`--max-held-ports-per-namespace`, by default a third of a range',
		'With a stolen token',
	],
	'docs/annotations.md': [
		'keeps the number that is written in the Pod. If it has a `hostPort`, or the Pod is on the host network, where Kubernetes makes every containerPort a host port, that number is the Pod\'s in the whole cluster',
		'(host-network.md)',
	],
	'README.md': [
		'(docs/annotations.md)',
		'(docs/host-network.md)',
		'(docs/guarantees.md)',
		'(docs/concepts.md)',
		'(docs/troubleshooting.md)',
	],
	'docs/concepts.md': ['(guarantees.md)'],
	'docs/install.md': [
		'(host-network.md)',
		'(guarantees.md)',
		'The policy for the ledger exempts nobody',
		'kubectl delete validatingadmissionpolicybinding hostport-operator-ledger',
	],
})) {
	test(`${page} says what it promises`, async t => {
		const text = await read(page);
		t.deepEqual(sentences.filter(sentence => !text.includes(sentence)), []);
	});
}

test('the README is no longer than what a reader needs before the first Pod, and leads to every page', async t => {
	const text = await read('README.md');
	t.true(text.split('\n').length < 130);
	const reachable = new Set(text.matchAll(/\]\((docs\/[\w-]+\.md)/g).map(([, page]) => page));
	t.deepEqual(pages.filter(page => page.startsWith('docs/') && !reachable.has(page)), ['docs/simulation.md'], 'docs/concepts.md leads to the simulation.');
});

test('the README\'s example of a Pod that asks for ports is a sample that is tested', async t => {
	const [, example = ''] = /```yaml\n(apiVersion: apps\/v1\n[^`]+)```/.exec(await read('README.md')) ?? [];
	const {metadata, spec} = parse(await read('deploy/samples/statefulset-example.yaml')) as StatefulSet;
	const shown = parse(example) as StatefulSet;
	t.is(shown.metadata.name, metadata.name);
	t.deepEqual(shown.spec.template.metadata, spec.template.metadata);
	t.deepEqual(shown.spec.template.spec.containers.map(({ports, args}) => ({ports, args})), spec.template.spec.containers.map(({ports, args}) => ({ports, args})));
});

test('docs/install.md describes each admission policy', async t => {
	const text = await read('docs/install.md');
	const folder = path.join(root, 'deploy', 'components', 'admission-policies');
	for (const file of await readdir(folder)) {
		const [, name] = /^kind: ValidatingAdmissionPolicy\nmetadata:\n {2}name: (.+)$/m.exec(await readFile(path.join(folder, file), 'utf8')) ?? [];
		t.true(name === undefined || text.includes(`| \`${name}\` |`), name);
	}
});

test('each component and overlay of deploy/ is named in docs/install.md', async t => {
	const text = await read('docs/install.md');
	for (const kind of ['components', 'overlays']) {
		const names = await readdir(path.join(root, 'deploy', kind));
		t.deepEqual(names.filter(name => !text.includes(name)), []);
	}
});
