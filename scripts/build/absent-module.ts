/** Replaces, in the bundle, a package that the program never calls. */
function absent(): never {
	throw new Error('this package was left out of the bundle: see scripts/build.ts');
}

export {absent as Agent, absent as ProxyAgent, absent as SocksClient, absent as SocksProxyAgent, absent as fetch};
