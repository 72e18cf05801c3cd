/**
 * A contender on the command line is `none`, `static`, or a number of replicas, followed by what differs from the defaults:
 * `3`, `3 no-affinity`, `1 --lease-idle=1s node:--max-semi-space-size=8`, `3 set:name=value` (built with another value of the
 * constant `name`; see changed-build.ts).
 */
export type ContenderSpec =
	| {readonly kind: 'none' | 'static'; readonly name: string}
	| {
		readonly kind: 'product';
		readonly name: string;
		readonly replicas: number;
		readonly flags: readonly string[];
		/** Undefined: the product's own. */
		readonly nodeFlags: readonly string[] | undefined;
		/** Whether all connections of one API server go to one replica, as with the Service in deploy/. */
		readonly affinity: boolean;
		/** Constants in src by name, with the source text of their new values. */
		readonly settings: ReadonlyMap<string, string>;
	};

/** @throws {Error} if the text does not describe a contender. */
export const parseContender = (text: string): ContenderSpec => {
	const [first = '', ...words] = text.split(/\s+/).filter(Boolean);
	if (first === 'none' || first === 'static') {
		return {kind: first, name: first === 'none' ? 'no webhook' : 'static patch'};
	}

	const replicas = Number(first);
	const nodeFlags = words.filter(word => word.startsWith('node:')).map(word => word.slice('node:'.length)).filter(Boolean);
	const settings = words.filter(word => word.startsWith('set:')).map(word => word.slice('set:'.length)).map(word => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)] as const);
	const flags = words.filter(word => word.startsWith('--'));
	if (!Number.isInteger(replicas) || replicas < 1 || words.some(word => !/^(?:no-affinity$|node:|--|set:[A-Za-z]+=.)/.test(word))) {
		throw new Error(`"${text}" is not a contender: use "none", "static", or a number of replicas, which may be followed by flags ("3 --lease-idle=1s"), "no-affinity", "set:name=value" and "node:--max-semi-space-size=8"`);
	}

	return {
		kind: 'product',
		name: `${first} replica${replicas === 1 ? '' : 's'}${words.length > 0 ? ` ${words.join(' ')}` : ''}`,
		replicas,
		flags,
		affinity: !words.includes('no-affinity'),
		nodeFlags: words.some(word => word.startsWith('node:')) ? nodeFlags : undefined,
		settings: new Map(settings),
	};
};
