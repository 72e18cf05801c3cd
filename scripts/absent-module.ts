/** Stands in the bundle for a package that the program never calls. */
function absent(): never {
	throw new Error('this package is not part of the bundle: see scripts/build.ts');
}

export {absent as Agent, absent as ProxyAgent, absent as SocksClient, absent as SocksProxyAgent, absent as fetch};
