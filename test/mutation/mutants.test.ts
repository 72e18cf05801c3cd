import test from 'ava';
import {mutantsOf, mutate} from './mutants.ts';

const isMutated = test.macro((t, text: string, ...expected: readonly string[]) => {
	t.deepEqual(mutantsOf('src/a.ts', text).map(mutant => mutate(text, mutant)), expected);
});

test('a comparison moves its boundary', isMutated, 'const x = a < b;', 'const x = a <= b;');
test('an operator after characters of several bytes is found', isMutated, 'const x = /* ä→𝒳 */ a === b;', 'const x = /* ä→𝒳 */ a !== b;');
test('a condition becomes true or false', isMutated, 'const x = a ? b : c;', 'const x = true ? b : c;', 'const x = false ? b : c;');
test('a negation is removed', isMutated, 'const x = !a;', 'const x = a;');
test('an await is removed', isMutated, 'const x = await a;', 'const x = a;');
test('a number becomes zero or tenfold', isMutated, 'const x = 60_000;', 'const x = 0;', 'const x = 600000;');
test('a text becomes empty, but not one that is added to another', isMutated, 'const x = \'a\' + b;', 'const x = \'\' + b;');
test('a statement is removed', isMutated, 'f(a);', ';');
test('some and every change places', isMutated, 'const x = a.some(f);', 'const x = a.every(f);');
test('types, imports and log lines stay', isMutated, 'import a from \'a\';\ntype B = 1 | \'b\';\nconst c = a as \'c\';\nlogger.info(\'d\');');

test('a mutant names its line', t => {
	t.like(mutantsOf('src/a.ts', '\n\nconst x = a && b;')[0], {file: 'src/a.ts', line: 3, before: '&&', replacement: '||'});
});
