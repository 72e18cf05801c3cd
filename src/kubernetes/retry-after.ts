/** Reads the header by which a server asks for a pause. */
import type {IncomingHttpHeaders} from 'node:http';

/**
 * How long the answer asks to wait, milliseconds; 0 if it does not, or not in a form of RFC 9110, section 10.2.3 (seconds or a
 * date). A date is compared with the answer's own `Date`, because this process's clock may be wrong.
 */
export const retryAfterOf = ({'retry-after': text = '', date = ''}: IncomingHttpHeaders): number => {
	if (/^\d+$/.test(text)) {
		return Number(text) * 1000;
	}

	return Math.max(Date.parse(text) - Date.parse(date) || 0, 0);
};
