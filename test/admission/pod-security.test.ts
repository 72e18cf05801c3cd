import test from 'ava';
import {checkPodSecurity, forbidsHostPorts, podSecurityWarning} from '../../src/admission/pod-security.ts';
import {denialOf} from '../helpers/denials.ts';

const enforce = 'pod-security.kubernetes.io/enforce';

for (const level of ['baseline', 'restricted']) {
	test(`the level ${level} forbids host ports, and the denial says what to do`, t => {
		const message = denialOf(t, 403, () => checkPodSecurity('game', {[enforce]: level}));
		t.regex(message, new RegExp(`namespace game .*"${level}".*another namespace.*${enforce}.*"privileged".*--pod-security-check=warn`));
		t.true(forbidsHostPorts({[enforce]: level}));
		const warning = podSecurityWarning({[enforce]: level});
		t.true(warning.includes(`"${level}"`) && warning.length <= 120, warning);
	});
}

for (const labels of [{}, {[enforce]: 'privileged'}, {[enforce]: 'unheard-of'}, {'pod-security.kubernetes.io/warn': 'restricted', 'pod-security.kubernetes.io/audit': 'baseline'}]) {
	test(`${JSON.stringify(labels)} forbids nothing`, t => {
		t.false(forbidsHostPorts(labels));
		t.notThrows(() => checkPodSecurity('game', labels));
	});
}
