/** The embedded control plane, as a user of the demo's `--keep` sees it through kubectl. */
import {execFile} from 'node:child_process';
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';
import {obtainBinaries} from '../../harness/control-plane/obtain.ts';
import {startEmbeddedControlPlane} from '../../harness/embedded-control-plane/start.ts';
import {deployFolder} from '../../harness/rendering.ts';
import {temporaryFolder} from '../helpers/temporary-folder.ts';
import {useFixture} from './helpers/fixture.ts';
import {untilTrue} from './helpers/until.ts';

const run = promisify(execFile);
const samples = ['deployment-example', 'statefulset-example'].flatMap(name => ['-f', path.join(deployFolder, 'samples', `${name}.yaml`)]);

const kubectl = useFixture(test, async (t, started) => {
	const {kubectl} = await obtainBinaries(['kubectl'], {onProgress: line => t.log(line)});
	const controlPlane = started.use(await startEmbeddedControlPlane());
	return async (...args: readonly string[]): Promise<string> => {
		const {stdout} = await run(kubectl, ['--kubeconfig', controlPlane.kubeconfigPath, `--cache-dir=${controlPlane.directory}/kubectl`, ...args]);
		return stdout;
	};
});

const untilReady = async (count: number) =>
	untilTrue(async () => (await kubectl()('get', 'pods', '--no-headers')).split('\n').filter(line => /1\/1 +Running/.test(line)).length === count, `${count} Pods to run`);

test.serial('kubectl apply creates the samples, and get shows Pods as a table', async t => {
	t.regex(await kubectl()('apply', ...samples), /deployment\.apps\/game-worker created\nstatefulset\.apps\/game-server created/);
	await untilReady(5);
	const [header = '', first = ''] = (await kubectl()('get', 'pods', '-l', 'app=game-server')).split('\n');
	t.regex(header, /^NAME +READY +STATUS +RESTARTS +AGE$/);
	t.regex(first, /^game-server-0 +1\/1 +Running +0 +\d+s$/);
	t.regex(await kubectl()('get', 'pods', '-o', 'wide', '-l', 'app=game-server'), /IP +NODE/);
	t.regex(await kubectl()('get', 'deployments,statefulsets'), /deployment\.apps\/game-worker +3\/3 +3 +3/);
});

test.serial('a second apply changes nothing but what is in the manifest', async t => {
	t.regex(await kubectl()('apply', ...samples), /statefulset\.apps\/game-server unchanged/);
	await untilReady(5);
});

test.serial('kubectl describe shows a Pod with its node and its Events', async t => {
	const text = await kubectl()('describe', 'pod', 'game-server-0');
	t.regex(text, /^Node: +worker-\d\/10\.1\.0\.\d$/m);
	t.regex(text, /^Controlled By: +StatefulSet\/game-server$/m);
	t.regex(text, /Normal +Scheduled .* Successfully assigned default\/game-server-0 to worker-\d/);
});

test.serial('ConfigMaps are created from a file, and shown by get and describe', async t => {
	const manifest = JSON.stringify({apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'page'}, data: {'30558.tcp': 'a Pod'}});
	const file = path.join(await temporaryFolder(t), 'page.json');
	await writeFile(file, manifest);
	await kubectl()('create', '-f', file);
	t.regex(await kubectl()('get', 'configmap', 'page'), /NAME +DATA +AGE\npage +1 /);
	t.regex(await kubectl()('describe', 'configmap', 'page'), /30558\.tcp:\n----\na Pod/);
	t.is(await kubectl()('get', 'configmap', 'page', '-o', 'jsonpath={.data}'), '{"30558.tcp":"a Pod"}');
});

test.serial('scale, rollout status and delete work', async t => {
	await kubectl()('scale', 'deployment', 'game-worker', '--replicas=6');
	await untilReady(8);
	t.regex(await kubectl()('rollout', 'status', 'deployment', 'game-worker', '--timeout=10s'), /successfully rolled out/);
	await kubectl()('delete', 'pod', 'game-server-0');
	await untilReady(8);
	await kubectl()('delete', ...samples);
	t.is(await kubectl()('get', 'pods', '-o', 'name'), '');
});
