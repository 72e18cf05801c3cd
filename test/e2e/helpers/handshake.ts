import {X509Certificate} from 'node:crypto';
import {once} from 'node:events';
import tls from 'node:tls';

export type Handshake = {
	/** On 127.0.0.1. */
	readonly port: number;
	/** Whom to trust, in PEM. */
	readonly ca: string;
	/** Whom the certificate must be good for. Default: the address. */
	readonly servername?: string;
};

/**
 * Shakes hands with a replica as the API server does, and returns what it shows.
 *
 * @throws what is wrong with the certificate.
 */
export const shakeHands = async ({port, ca, servername}: Handshake): Promise<X509Certificate> => {
	const socket = tls.connect({host: '127.0.0.1', port, ca, ...(servername && {servername})});
	try {
		await once(socket, 'secureConnect');
		return new X509Certificate(socket.getPeerCertificate().raw);
	} finally {
		socket.destroy();
	}
};
