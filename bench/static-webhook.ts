/**
 * The "static patch" contender: a webhook in a process of its own that answers every review with the same patch and computes
 * nothing. Prints its port as a line of JSON.
 *
 *     node bench/static-webhook.ts <certificate file> <key file> <patch file>
 */
import {readFileSync} from 'node:fs';
import https from 'node:https';
import type {AddressInfo} from 'node:net';
import process from 'node:process';

const [cert = '', key = '', patchFile = ''] = process.argv.slice(2);
const patch = readFileSync(patchFile).toString('base64');

const server = https.createServer({cert: readFileSync(cert), key: readFileSync(key), keepAliveTimeout: 120_000}, (request, response) => {
	const chunks: Buffer[] = [];
	request.on('data', (chunk: Buffer) => chunks.push(chunk));
	request.on('end', () => {
		const {request: {uid}} = JSON.parse(Buffer.concat(chunks).toString()) as {request: {uid: string}};
		const answer = {apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: {uid, allowed: true, patchType: 'JSONPatch', patch}};
		response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
	});
});
server.listen(0, '127.0.0.1', () => {
	console.log(JSON.stringify({msg: 'ready', webhookPort: (server.address() as AddressInfo).port}));
});
