/** TLS handshakes with a replica. */
import {X509Certificate} from 'node:crypto';
import {once} from 'node:events';
import tls from 'node:tls';

export type Handshake = {
	/** On 127.0.0.1. */
	readonly port: number;
	/** The trusted authority, in PEM. */
	readonly ca: string;
	/** The name that the certificate must have. Default: the address. */
	readonly servername?: string;
};

/**
 * Connects to a replica as the API server does, and resolves with the replica's certificate.
 *
 * @throws when the certificate is not valid for the authority and the name.
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
