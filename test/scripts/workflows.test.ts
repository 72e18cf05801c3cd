import {readdirSync, readFileSync} from 'node:fs';
import test from 'ava';
import {parse} from 'yaml';

type Step = {readonly uses?: string; readonly run?: string; readonly with?: Readonly<Record<string, unknown>>};
type Job = {
	readonly permissions?: Readonly<Record<string, string>>;
	readonly 'timeout-minutes'?: number;
	readonly 'runs-on': string;
	readonly steps: readonly Step[];
};
type Workflow = {readonly permissions: Readonly<Record<string, string>>; readonly jobs: Readonly<Record<string, Job>>};

const folder = new URL('../../.github/workflows/', import.meta.url);

/** The jobs that may do more than read. */
const writes: Readonly<Record<string, Readonly<Record<string, string>>>> = {
	'release.yml image': {contents: 'read', packages: 'write'},
	'release.yml manifests': {contents: 'write'},
};

for (const file of readdirSync(folder)) {
	const text = readFileSync(new URL(file, folder), 'utf8');
	const {permissions, jobs} = parse(text) as Workflow;

	test(`${file}: every action is pinned to a commit, with its version beside it`, t => {
		const uses = [...text.matchAll(/^ +(?:- )?uses: (.*)$/gm)].map(([, action = '']) => action);
		t.deepEqual(uses.filter(action => !/^[\w.-]+\/[\w.-]+@[\da-f]{40} # v\d+\.\d+\.\d+$/.test(action)), []);
		t.is(uses.length, Object.values(jobs).flatMap(({steps}) => steps).filter(step => step.uses).length);
	});

	test(`${file}: jobs have the least rights and a time limit`, t => {
		t.deepEqual(permissions, {contents: 'read'});
		for (const [name, job] of Object.entries(jobs)) {
			t.deepEqual(job.permissions, writes[`${file} ${name}`], name);
			t.true((job['timeout-minutes'] ?? Infinity) <= 60, name);
			t.regex(job['runs-on'], /^ubuntu-\d+\.\d+$/);
		}
	});

	test(`${file}: no leftover token, and no expressions in scripts`, t => {
		for (const step of Object.values(jobs).flatMap(({steps}) => steps)) {
			if (step.uses?.startsWith('actions/checkout@')) {
				t.is(step.with?.['persist-credentials'], false);
			}

			t.notRegex(step.run ?? '', /\$\{\{/);
		}
	});
}

test('the workflows run what npm test runs', t => {
	const {scripts} = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {scripts: Record<string, string>};
	const {jobs} = parse(readFileSync(new URL('test.yml', folder), 'utf8')) as Workflow;
	const runs = new Set(Object.values(jobs).flatMap(({steps}) => steps).map(step => step.run));
	for (const command of scripts['test']?.split(' && ') ?? []) {
		t.true(runs.has(command), command);
	}
});
