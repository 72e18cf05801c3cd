/** Expectations about denials. */
import type {ExecutionContext} from 'ava';
import {DenialError} from '../../src/errors.ts';

/** Expects a denial with this code, and returns its message. The message must leave room for more text in an Event (1,024 characters). */
export const denialOf = (t: ExecutionContext, code: DenialError['code'], run: () => unknown): string => {
	const error = t.throws(run, {instanceOf: DenialError});
	t.is(error.code, code);
	t.true(error.message.length < 800, `${error.message.length} characters: ${error.message.slice(0, 200)}`);
	return error.message;
};
