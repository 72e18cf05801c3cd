import test from 'ava';
import fc from 'fast-check';
import {optionAnnotations} from '../../src/admission/annotations.ts';
import {warningsAbout} from '../../src/admission/warnings.ts';

const options = {basePort: 30_558, maxPort: 32_767, strategy: 'Sequential', hostNetwork: true} as const;
const warningsFor = (...names: string[]) => warningsAbout(Object.fromEntries(names.map(name => [name, ''])), options);

test('known and foreign annotations cause no warning', t => {
	t.deepEqual(warningsFor(...Object.values(optionAnnotations), 'hostport.io/allocated-grpc', 'example.com/base-prot', 'hostport'), []);
	t.deepEqual(warningsAbout(null, options), []);
	t.deepEqual(warningsAbout(undefined, options), []);
});

for (const [seen, nearest] of [
	['hostport.io/baseport', 'hostport.io/base-port'],
	['hostport.io/base_port', 'hostport.io/base-port'],
	['hostport.io/Max-Port', 'hostport.io/max-port'],
	['hostport.io/stategy', 'hostport.io/strategy'],
	['hostport.io/port', 'hostport.io/ports'],
	['hostport.io/hostnetwork', 'hostport.io/host-network'],
	['hostport.io/scopes', 'hostport.io/scope'],
] as const) {
	test(`a warning about ${seen} proposes ${nearest}`, t => {
		t.deepEqual(warningsFor(seen), [`unknown annotation ${seen} is ignored; the nearest known is ${nearest}`]);
	});
}

test('a range that reaches into the ephemeral ports causes a warning', t => {
	t.deepEqual(warningsAbout({}, {...options, maxPort: 32_768}), ['hostport.io: ports up to 32768 may be given, and from 32768 outgoing connections may hold them']);
});

test('a base port that is excluded causes a warning if the Pod names it', t => {
	const excluded = [{first: 65_535, last: 65_535}];
	t.deepEqual(warningsAbout({'hostport.io/base-port': '30558'}, {...options, excluded: [{first: 30_558, last: 30_558}]}), ['hostport.io/base-port is 30558, which the administrator excludes (--exclude-ports): the Pod gets higher numbers']);
	t.deepEqual(warningsAbout({}, {...options, excluded: [{first: 30_558, last: 30_558}]}), []);
	t.deepEqual(warningsAbout({'hostport.io/base-port': '30558'}, {...options, excluded}), []);
});

test('warnings are few, and each has at most 120 characters', t => {
	const name = fc.oneof(fc.string(), fc.string({maxLength: 300}), fc.constant('x'.repeat(100_000))).map(name => `hostport.io/${name}`);
	fc.assert(fc.property(fc.dictionary(name, fc.string(), {maxKeys: 20}), annotations => {
		const warnings = warningsAbout(annotations, {...options, maxPort: 65_535});
		return warnings.length <= 6 && warnings.every(warning => warning.length <= 120);
	}));
	t.pass();
});
