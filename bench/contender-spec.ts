/**
 * How a contender is named on the command line: `none`, `static`, or a number of replicas with what differs from the
 * defaults, separated by blanks: `3`, `3 no-affinity`, `3 block-size=200`, `1 --lease-idle=1s node:--max-semi-space-size=8`.
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
		/** Undefined: as the product makes it. */
		readonly blockSize: number | undefined;
	};

/** @throws {Error} when the text is nothing of this. */
export const parseContender = (text: string): ContenderSpec => {
	const [first = '', ...words] = text.split(/\s+/).filter(Boolean);
	if (first === 'none' || first === 'static') {
		return {kind: first, name: first === 'none' ? 'no webhook' : 'static patch'};
	}

	const replicas = Number(first);
	const blockSize = words.find(word => word.startsWith('block-size='))?.split('=')[1];
	const nodeFlags = words.filter(word => word.startsWith('node:')).map(word => word.slice('node:'.length)).filter(Boolean);
	const flags = words.filter(word => word.startsWith('--'));
	if (!Number.isInteger(replicas) || replicas < 1 || words.some(word => !/^(?:no-affinity$|block-size=\d+$|node:|--)/.test(word))) {
		throw new Error(`"${text}" is no contender: use "none", "static", or a number of replicas with flags ("3 --lease-idle=1s"), "no-affinity", "block-size=200" and "node:--max-semi-space-size=8"`);
	}

	return {
		kind: 'product',
		name: `${first} replica${replicas === 1 ? '' : 's'}${words.length > 0 ? ` ${words.join(' ')}` : ''}`,
		replicas,
		flags,
		affinity: !words.includes('no-affinity'),
		nodeFlags: words.some(word => word.startsWith('node:')) ? nodeFlags : undefined,
		blockSize: blockSize === undefined ? undefined : Number(blockSize),
	};
};
