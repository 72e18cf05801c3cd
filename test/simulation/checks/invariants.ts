/**
 * What must hold at every moment of every run, under every fault. Each rule has a name. `InvariantChecks` and the checks
 * after the last fault report a violation with its time, what was seen and which client caused it.
 */
export const invariants = {
	'one Pod per port': 'no two live Pods that were given ports have the same (protocol, port)',
	'every used port is reserved': 'a port of a live or admitted Pod can not be given again: its page is absent, in quarantine, or has an entry for it',
	'answer after commit': 'a port in an answer is in the ledger before the answer is sent',
	'no trace of a dry run': 'no entry in the ledger names a Pod of a dry run',
	'held for the hold time': 'no entry is removed before the hold time has passed since its claim was written, or since it was released',
	'only a successor takes over': 'an entry passes only to a Pod with the same fixed name',
	'a claim is written once': 'a (port, claim) is written to the ledger at most once',
	'states move forward': 'an entry is released only after it was bound, removed only after it was released or has expired, and pending again only with another claim',
	'bound to a Pod with the port': 'an entry names the UID of a Pod or Service that has, or had, the port',
	'no double reservation': 'a request does not reserve a second port on a page that already has its reservation',
	'same name, same ports': 'a Pod with the fixed name of an earlier one gets the ports that the ledger has for that name, if they are in its range and have been there for a second',
	'a failing page concerns nobody else': 'no Pod is denied because of a page that can not be written, while other pages have numbers for it',
	'held numbers are bounded': 'no number is reserved for a namespace that holds far more than a third of the range without a live Pod',
	'a denial is true': 'no Pod is told that its range is full while more of its numbers have been free for a while than all waiting Pods need, nor that another has its number while that has been free',
	'quarantine holds': 'no port is reserved on a page in quarantine, unless the same write lifts the quarantine',
	'manual edits are kept': 'a value that a person wrote into a page, and that this version can not read, stays there',
	'answered in time': 'a replica that is alive and not paused answers every request by its deadline',
	'a valid answer': 'an answer is a patch that the API server accepts, or a denial with its reason',
	'every replica serves again': 'after the last fault, every replica gives ports',
	'the Lease is handed on': 'after the holder and any number of waiting replicas have crashed, the others serve within one Lease duration and a second',
	'leaked ports are freed': 'after the last fault, entries without a live Pod are removed within the hold time and one pass',
	'ledger and cluster agree': 'after the last fault, every host port of a live Pod has an entry that names the Pod',
	'nothing hangs': 'every request has an answer when the run ends',
} as const;

export type Invariant = keyof typeof invariants;

export type Violation = {readonly invariant: Invariant; readonly atMs: number; readonly detail: string};
