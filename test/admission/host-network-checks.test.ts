/** Pods that Kubernetes would reject because we put them on the host network. The rules are those of its validation.go. */
import test from 'ava';
import type {Pod} from '../../src/admission/pod.ts';
import {denialOf} from '../helpers/denials.ts';
import {planFor} from '../helpers/planned.ts';
import {podWith} from '../helpers/pods.ts';

type Shape = NonNullable<Parameters<typeof podWith>[0]>;

const wayOut = 'set hostport.io/host-network: "false"';

const onPodNetwork = (shape: Shape): Pod => podWith({...shape, annotations: {...shape.annotations, 'hostport.io/host-network': 'false'}});

/** The Pod is denied on the host network and accepted on the Pod network. */
const isDenied = test.macro((t, shape: Shape, message: string) => {
	t.is(denialOf(t, 400, () => planFor(podWith(shape))), message);
	t.notThrows(() => planFor(onPodNetwork(shape)));
});

const isAccepted = test.macro((t, shape: Shape) => {
	t.notThrows(() => planFor(podWith(shape)));
});

// Fields

const sysctls = (...names: string[]) => ({spec: {securityContext: {sysctls: names.map(name => ({name, value: '1'}))}}});

test('a net sysctl is denied', isDenied, sysctls('kernel.shm_rmid_forced', 'net.core.somaxconn'), `The Pod's spec.securityContext.sysctls[1].name is "net.core.somaxconn", which Kubernetes does not allow on the host network: remove it, or ${wayOut}`);
test('a net sysctl with slashes is denied', isDenied, sysctls('net/ipv4/conf/eth0.1/rp_filter'), `The Pod's spec.securityContext.sysctls[0].name is "net/ipv4/conf/eth0.1/rp_filter", which Kubernetes does not allow on the host network: remove it, or ${wayOut}`);
test('other sysctls are accepted', isAccepted, sysctls('kernel.sem', 'fs.mqueue.msg_max', 'netfilter.x', 'kernel.net.x'));
test('a user namespace is denied', isDenied, {spec: {hostUsers: false}}, `The Pod's spec.hostUsers is false, which Kubernetes does not allow on the host network: remove it, or ${wayOut}`);
test('the host\'s user namespace is accepted', isAccepted, {spec: {hostUsers: true}});
test('a hostnameOverride is denied', isDenied, {spec: {hostnameOverride: 'game.example.com'}}, `The Pod's spec.hostnameOverride is "game.example.com", which Kubernetes does not allow on the host network: remove it, or ${wayOut}`);
test('an empty hostnameOverride is denied', isDenied, {spec: {hostnameOverride: ''}}, `The Pod's spec.hostnameOverride is "", which Kubernetes does not allow on the host network: remove it, or ${wayOut}`);
test('fields that are null are accepted', isAccepted, {spec: {hostUsers: null, hostnameOverride: null, os: null, nodeSelector: null, affinity: null, securityContext: null}});

test('a Pod that is on the host network by itself must also leave it', t => {
	const message = denialOf(t, 400, () => planFor(podWith({spec: {hostNetwork: true, hostUsers: false}})));
	t.true(message.endsWith(`remove it, or ${wayOut} and remove spec.hostNetwork`), message);
});

// Windows

const noHostNetwork = `and Windows nodes have no host network for Pods: ${wayOut}`;
const requiring = (...terms: object[][]) => ({spec: {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: terms.map(matchExpressions => ({matchExpressions}))}}}}});
const windows = {key: 'kubernetes.io/os', operator: 'In', values: ['windows']};
const linux = {...windows, values: ['linux']};
const zone = {key: 'topology.kubernetes.io/zone', operator: 'Exists'};

test('a Pod whose operating system is Windows is denied', isDenied, {spec: {os: {name: 'windows'}}}, `The Pod's spec.os.name is "windows", ${noHostNetwork}`);
test('a Pod that selects Windows nodes is denied', isDenied, {spec: {nodeSelector: {'kubernetes.io/os': 'windows'}}}, `The Pod's spec.nodeSelector["kubernetes.io/os"] is "windows", ${noHostNetwork}`);
test('a Pod that selects Windows nodes by the old label is denied', isDenied, {spec: {nodeSelector: {'beta.kubernetes.io/os': 'windows'}}}, `The Pod's spec.nodeSelector["beta.kubernetes.io/os"] is "windows", ${noHostNetwork}`);
test('a Pod whose affinity requires Windows nodes is denied', isDenied, requiring([zone, windows], [windows]), `The Pod's spec.affinity.nodeAffinity requires the operating system "windows", ${noHostNetwork}`);
test('a Pod for Linux is accepted', isAccepted, {spec: {os: {name: 'linux'}, nodeSelector: {'kubernetes.io/os': 'linux'}, affinity: requiring([linux]).spec.affinity}});
test('a Pod that may run on Linux too is accepted', isAccepted, requiring([windows], [linux]));
test('a Pod that accepts both operating systems is accepted', isAccepted, requiring([{...windows, values: ['windows', 'linux']}]));
test('a Pod that avoids Windows is accepted', isAccepted, requiring([{...windows, operator: 'NotIn'}]));
test('an affinity without terms requires nothing', isAccepted, requiring());
test('HostProcess containers are on the host network of Windows', isAccepted, {spec: {os: {name: 'windows'}, hostNetwork: true, securityContext: {windowsOptions: {hostProcess: true}}}});
test('HostProcess may be an option of the container', isAccepted, {
	spec: {nodeSelector: {'kubernetes.io/os': 'windows'}, hostNetwork: true},
	containers: [{name: 'app', ports: [{name: 'grpc', containerPort: 9000}], securityContext: {windowsOptions: {hostProcess: true}}}],
});

// Two ports with one number

const node = (...ports: object[]) => ({containers: [{name: 'node', ports: [{name: 'p2p', containerPort: 30_303, protocol: 'UDP'}, ...ports]}]});
const httpAndWs = node({name: 'http-rpc', containerPort: 8545}, {name: 'ws-rpc', containerPort: 8545});
const twoNumbers = `have the same containerPort 8545/TCP. On the host network they would get two numbers, and a program that listens on one port can't listen on both: remove one of them, leave it out of hostport.io/ports (it stays 8545 then), give them different containerPorts if the program listens on two, or ${wayOut}`;

test('two managed names for one containerPort are denied', isDenied, httpAndWs, `Ports "http-rpc" and "ws-rpc" of container "node" ${twoNumbers}`);

test('two managed ports without names are denied', t => {
	const shape = node({containerPort: 8545, hostPort: 80}, {containerPort: 8545, hostPort: 81});
	t.is(denialOf(t, 400, () => planFor(podWith(shape))), `Two ports "8545" of container "node" ${twoNumbers}`);
});

test('one name for a containerPort may be left out', isAccepted, {...httpAndWs, annotations: {'hostport.io/ports': 'p2p,http-rpc'}});
test('two protocols of one containerPort are accepted', isAccepted, node({name: 'p2p-tcp', containerPort: 30_303}));
test('one containerPort in two containers is accepted', isAccepted, {containers: [{name: 'a', ports: [{name: 'x', containerPort: 80}]}, {name: 'b', ports: [{name: 'y', containerPort: 80}]}]});

const onlyP2p = {annotations: {'hostport.io/ports': 'p2p'}};

test('two unmanaged names for one containerPort are denied', isDenied, {...httpAndWs, ...onlyP2p}, `Ports "http-rpc" and "ws-rpc" of container "node" would both be host port 8545/TCP on the host network, which Kubernetes does not allow: remove one of them, name one of them in hostport.io/ports, or ${wayOut}`);

test('one unmanaged containerPort in two containers is denied', isDenied, {
	...onlyP2p,
	containers: [...node({name: 'x', containerPort: 80, hostPort: 80}).containers, {name: 'other', ports: [{name: 'y', containerPort: 80}]}],
}, `Port "x" of container "node" and port "y" of container "other" would both be host port 80/TCP on the host network, which Kubernetes does not allow: remove one of them, name one of them in hostport.io/ports, or ${wayOut}`);

test('two unmanaged ports of one init container are denied', isDenied, {
	initContainers: [{name: 'init', ports: [{containerPort: 80}, {containerPort: 80}]}],
}, `Two ports "80" of container "init" would both be host port 80/TCP on the host network, which Kubernetes does not allow: remove one of them, or ${wayOut}`);

test('init containers run one after the other, so they may have equal ports', isAccepted, {
	...node({name: 'http', containerPort: 80}),
	...onlyP2p,
	initContainers: ['a', 'b'].map(name => ({name, ports: [{containerPort: 80}]})),
});

test('unmanaged ports of different addresses or protocols are accepted', isAccepted, {
	...onlyP2p,
	...node({name: 'a', containerPort: 53, hostIP: '10.1.0.1'}, {name: 'b', containerPort: 53, hostIP: '127.0.0.1'}, {name: 'c', containerPort: 53, protocol: 'UDP'}),
});

test('a hundred thousand ports are checked quickly', t => {
	const ports = Array.from({length: 100_000}, (_, index) => ({name: `p${index}`, containerPort: index % 65_535 + 1}));
	t.regex(denialOf(t, 400, () => planFor(podWith({containers: [{name: 'a', ports}]}))), /^Ports "p0" and "p65535" of container "a" have the same containerPort 1\/TCP/);
});
