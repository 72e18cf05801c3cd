/** Free TCP ports of this machine. */
import {once} from 'node:events';
import {createServer, type AddressInfo} from 'node:net';

/** Returns `count` different ports of 127.0.0.1 that are free now. Another process may take one before it is used. */
export const findFreePorts = async (count: number): Promise<number[]> => {
	const servers = Array.from({length: count}, () => createServer().listen(0, '127.0.0.1'));
	await Promise.all(servers.map(async server => once(server, 'listening')));
	const ports = servers.map(server => (server.address() as AddressInfo).port);
	await Promise.all(servers.map(async server => {
		server.close();
		await once(server, 'close');
	}));
	return ports;
};
