/**
 * How a contender is named on the command line: `none`, `static`, or a number of replicas with what differs from the
 * defaults, separated by blanks: `3`, `3 no-affinity`, `1 --lease-idle=1s node:--max-semi-space-size=8`,
 * `3 set:schemaBlockSize=200` (built with another value of that constant).
 */
export type ContenderSpec =
	| {readonly kind: 'none' | 'static'; readonly name: string}
	| {
		readonly kind: 'product';
		readonly name: string;
		readonly replicas: number;
		readonly flags: readonly string[];
		/** Undefined: as the product runs by default. */
		readonly nodeFlags: readonly string[] | undefined;
		/** Whether connections of one API server go to one replica, as the Service in deploy/ has it. */
		readonly affinity: boolean;
		/** Constants in src, and the text of the values with which the product is built. */
		readonly settings: ReadonlyMap<string, string>;
	};

/** @throws {Error} when the text is nothing of this. */
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
		throw new Error(`"${text}" is no contender: use "none", "static", or a number of replicas with flags ("3 --lease-idle=1s"), "no-affinity", "set:schemaBlockSize=200" and "node:--max-semi-space-size=8"`);
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
