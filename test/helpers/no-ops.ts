/** Parts that a service needs and most tests do not: a signal that is never aborted, and a logger that writes nothing. */
import {pino} from 'pino';

export const never = new AbortController().signal;
export const silent = pino({level: 'silent'});
