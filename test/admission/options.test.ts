import test from 'ava';
import fc from 'fast-check';
import {optionAnnotations} from '../../src/admission/annotations.ts';
import {readOptions} from '../../src/admission/options.ts';
import type {AllocationOptions} from '../../src/admission/options.ts';
import {DenialError} from '../../src/errors.ts';
import type {AllowedRange} from '../../src/ports/port-range.ts';
import {denialOf} from '../helpers/denials.ts';
import {defaultRanges} from '../helpers/pods.ts';

const defaults: AllocationOptions = {basePort: 30_558, maxPort: 32_767, strategy: 'Sequential', hostNetwork: true};
const severalRanges = [{first: 2000, last: 2999}, {first: 30_000, last: 30_999}, {first: 40_000, last: 40_999}];
const enabled = (annotations: Record<string, string> = {}) => ({'hostport.io/enabled': 'true', ...annotations});

test('a Pod that does not ask for ports has no options', t => {
	t.is(readOptions(undefined, defaultRanges), undefined);
	t.is(readOptions(null, defaultRanges), undefined);
	t.is(readOptions({}, defaultRanges), undefined);
	t.is(readOptions({'hostport.io/enabled': 'false'}, defaultRanges), undefined);
	t.is(readOptions({'hostport.io/enabled': 'false', 'hostport.io/base-port': 'nonsense'}, []), undefined);
	t.is(readOptions({'hostport.io/base-port': 'nonsense'}, defaultRanges), undefined);
});

const reads = test.macro((t, annotations: Record<string, string>, expected: Partial<AllocationOptions>, ranges: readonly AllowedRange[] = defaultRanges) => {
	t.deepEqual(readOptions(enabled(annotations), ranges), {...defaults, ...expected});
});

test('"true" alone gives the defaults', reads, {}, {});
test('a base port is read', reads, {'hostport.io/base-port': '2048'}, {basePort: 2048});
test('blanks around a number do not matter', reads, {'hostport.io/base-port': ' 2048\n'}, {basePort: 2048});
test('a maximum is read', reads, {'hostport.io/max-port': '31000'}, {maxPort: 31_000});
test('the maximum may be the base port', reads, {'hostport.io/max-port': '30558'}, {maxPort: 30_558});
test('a Pod may ask for the ends of the allowed range', reads, {'hostport.io/base-port': '1024', 'hostport.io/max-port': '32767'}, {basePort: 1024, maxPort: 32_767});
test('the default maximum is the end of the base port\'s range', reads, {'hostport.io/base-port': '2100'}, {basePort: 2100, maxPort: 2999}, severalRanges);
test('the default base port is used if a range contains it', reads, {}, {basePort: 30_558, maxPort: 30_999}, severalRanges);
test('if no range contains the default base port, the lowest allowed port is used', reads, {}, {basePort: 2000, maxPort: 2999}, [{first: 2000, last: 2999}, {first: 40_000, last: 40_999}]);
test('a range in the ephemeral ports is accepted if the administrator allows it', reads, {'hostport.io/base-port': '40000'}, {basePort: 40_000, maxPort: 40_999}, severalRanges);
const withExcluded = (...excluded: ReadonlyArray<readonly [first: number, last: number]>): readonly AllowedRange[] => [{first: 1024, last: 32_767, excluded: excluded.map(([first, last]) => ({first, last}))}];
test('the excluded numbers of the Pod\'s range are read', reads, {'hostport.io/base-port': '9100', 'hostport.io/max-port': '10250'}, {basePort: 9100, maxPort: 10_250, excluded: [{first: 9100, last: 9100}, {first: 10_248, last: 10_250}]}, withExcluded([6443, 6443], [9099, 9100], [10_248, 10_260]));
test('without excluded numbers in the Pod\'s range, none are named', reads, {}, {}, withExcluded([6443, 6443]));
test('if the default base port is excluded, the lowest allowed port is used', reads, {}, {basePort: 1024, excluded: [{first: 30_000, last: 32_767}]}, withExcluded([30_000, 32_767]));
test('Sequential is read', reads, {'hostport.io/strategy': 'Sequential'}, {strategy: 'Sequential'});
test('Random is read', reads, {'hostport.io/strategy': 'Random'}, {strategy: 'Random'});
test('names of ports are read in their order', reads, {'hostport.io/ports': 'grpc,http'}, {managedPortNames: ['grpc', 'http']});
test('blanks around names of ports do not matter', reads, {'hostport.io/ports': ' grpc ,\thttp '}, {managedPortNames: ['grpc', 'http']});
test('consecutive numbers are a condition by "true"', reads, {'hostport.io/contiguous': 'true'}, {contiguous: true});
test('consecutive numbers are no condition by "false"', reads, {'hostport.io/contiguous': 'false'}, {});
test('the host network is on by default and by "true"', reads, {'hostport.io/host-network': 'true'}, {hostNetwork: true});
test('the host network is off by "false"', reads, {'hostport.io/host-network': 'false'}, {hostNetwork: false});
test('Cluster is the scope', reads, {'hostport.io/scope': 'Cluster'}, {});

const denies = test.macro((t, annotations: Record<string, string>, code: DenialError['code'], message: string, ranges: readonly AllowedRange[] = defaultRanges) => {
	t.is(denialOf(t, code, () => readOptions(enabled(annotations), ranges)), message);
});

for (const value of ['True', 'TRUE', ' true']) {
	test(`"${value}" in place of "true" is denied with a proposal`, denies, {'hostport.io/enabled': value}, 400, `hostport.io/enabled is "${value}": write "true", exactly so`);
}

for (const value of ['', 'yes', '1', 'null', 'constructor', '__proto__']) {
	test(`"${value}" in place of "true" is denied`, denies, {'hostport.io/enabled': value}, 400, `hostport.io/enabled is "${value}": write "true" or "false", exactly so`);
}

for (const value of ['', ' ', '0', '65536', '99999', '100000', '-1', '+2048', '2048.0', '2e3', '0x800', '2 048', '2_048', '2048,', 'grpc', '٢٠٤٨', 'NaN', 'Infinity']) {
	test(`"${value}" is no port number`, denies, {'hostport.io/base-port': value}, 400, `hostport.io/base-port is "${value}": write a whole number from 1 to 65535, such as "30558"`);
}

test('a huge number is denied in a short message', denies, {'hostport.io/max-port': '9'.repeat(1_000_000)}, 400, `hostport.io/max-port is "${'9'.repeat(59)}…": write a whole number from 1 to 65535, such as "30558"`);
test('a base port outside the allowed range is denied', denies, {'hostport.io/base-port': '80'}, 403, 'hostport.io/base-port is 80, which the administrator does not allow: choose a port from 1024-32767');
test('a base port between the allowed ranges is denied', denies, {'hostport.io/base-port': '3000'}, 403, 'hostport.io/base-port is 3000, which the administrator does not allow: choose a port from 2000-2999, 30000-30999, 40000-40999', severalRanges);
test('a maximum beyond the allowed range is denied', denies, {'hostport.io/max-port': '32768'}, 403, 'hostport.io/max-port is 32768, but the range of the base port 30558 ends at 32767: choose both from one of the ranges that the administrator allows, 1024-32767');
test('a maximum in another allowed range is denied', denies, {'hostport.io/base-port': '2000', 'hostport.io/max-port': '30100'}, 403, 'hostport.io/max-port is 30100, but the range of the base port 2000 ends at 2999: choose both from one of the ranges that the administrator allows, 2000-2999, 30000-30999, 40000-40999', severalRanges);
test('a maximum below the base port is denied', denies, {'hostport.io/base-port': '2000', 'hostport.io/max-port': '1999'}, 400, 'hostport.io/max-port is 1999, below the base port 2000: raise it, or set a lower hostport.io/base-port');
test('a maximum below the default base port is denied', denies, {'hostport.io/max-port': '2000'}, 400, 'hostport.io/max-port is 2000, below the base port 30558, which is the default: raise it, or set a lower hostport.io/base-port');
test('without allowed ranges every request is denied', denies, {}, 403, 'The administrator of hostport-operator allows no host ports at all: ask for a --port-range', []);
test('a strategy with the wrong case is denied with a proposal', denies, {'hostport.io/strategy': 'random'}, 400, 'hostport.io/strategy is "random": write "Random", exactly so');
test('an unknown strategy is denied', denies, {'hostport.io/strategy': 'RoundRobin'}, 400, 'hostport.io/strategy is "RoundRobin": write "Sequential" or "Random", exactly so');
test('an empty list of ports is denied', denies, {'hostport.io/ports': ''}, 400, 'hostport.io/ports is "", which has an empty name in it: write the names of container ports with commas between them, or remove the annotation to manage all ports');
test('an empty name of a port is denied', denies, {'hostport.io/ports': 'grpc, ,http'}, 400, 'hostport.io/ports is "grpc, ,http", which has an empty name in it: write the names of container ports with commas between them, or remove the annotation to manage all ports');
test('a name of a port that is repeated is denied', denies, {'hostport.io/ports': 'grpc,http, grpc'}, 400, 'hostport.io/ports names "grpc" twice: name each port once');
test('anything but "true" and "false" for the host network is denied', denies, {'hostport.io/host-network': 'no'}, 400, 'hostport.io/host-network is "no": write "true" or "false", exactly so');
test('the scope Node, which does not exist yet, is denied', denies, {'hostport.io/scope': 'Node'}, 400, 'hostport.io/scope is "Node", which this version does not have yet: remove the annotation, and the Pod gets ports that are unique in the cluster');
test('an unknown scope is denied', denies, {'hostport.io/scope': 'Namespace'}, 400, 'hostport.io/scope is "Namespace": write "Cluster", exactly so');

test('a list of a hundred thousand names is read quickly', t => {
	const names = Array.from({length: 100_000}, (_, index) => `p${index}`);
	t.is(readOptions(enabled({'hostport.io/ports': names.join(',')}), defaultRanges)?.managedPortNames?.length, 100_000);
});

test('any annotations give options within one allowed range, no options, or a denial', t => {
	const value = fc.oneof(fc.string(), fc.string({unit: 'binary'}), fc.integer({min: -5, max: 70_000}).map(String), fc.constantFrom('true', 'false', 'Random', 'Cluster', 'Node', 'a,b', ','));
	const annotations = fc.dictionary(fc.constantFrom(...Object.values(optionAnnotations)), value);
	const ranges = fc.constantFrom(defaultRanges, severalRanges, []);
	fc.assert(fc.property(annotations, fc.boolean(), ranges, (annotations, isEnabled, ranges) => {
		try {
			const options = readOptions(isEnabled ? enabled(annotations) : annotations, ranges);
			return options === undefined || ranges.some(({first, last}) => first <= options.basePort && options.basePort <= options.maxPort && options.maxPort <= last);
		} catch (error) {
			return error instanceof DenialError && error.message.length < 500;
		}
	}), {numRuns: 1000});
	t.pass();
});
