import test from 'ava';
import {pino} from 'pino';
import {LedgerCache} from '../../src/ledger/ledger-cache.ts';
import {decodePage} from '../../src/ports/ledger-page.ts';
import {FakeClock} from '../helpers/fake-clock.ts';
import {pageObject} from '../helpers/ledger-builders.ts';

/** A cache, a function that stores a page with this data in it, and the log lines. */
const loggingCache = () => {
	const lines: string[] = [];
	const logger = pino({}, {write: line => lines.push((JSON.parse(line) as {readonly msg: string}).msg)});
	const cache = new LedgerCache({blockSize: 500, clock: new FakeClock(), logger});
	const store = (data: Readonly<Record<string, string>>) => cache.storePage(decodePage(pageObject({data}), 30_500, 500));
	return {store, lines};
};

test('what a person has written into a page is logged once, with its effect', t => {
	const {store, lines} = loggingCache();
	store({'30600-30650.tcp': 'the SIP trunk'});
	store({'30600-30650.tcp': 'the SIP trunk'});
	t.deepEqual(lines, ['"30600-30650.tcp" in the ConfigMap hostport-ledger-30500, which is not an entry, reserves 30600-30650 for every protocol (the key is not of the form <port>.<tcp|udp|sctp>)']);
	store({'31000.tcp': 'the printer'});
	t.deepEqual(lines.slice(1), ['"31000.tcp" in the ConfigMap hostport-ledger-30500, which is not an entry, has no effect here: 31000 must be in the ConfigMap hostport-ledger-31000']);
});
