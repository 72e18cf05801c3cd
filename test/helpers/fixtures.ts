/** Recorded AdmissionReviews. Each call reads the file again, so that a test may change the result. */
import {readFileSync} from 'node:fs';

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8'));

/** As the API server sends it for Pod 2 of a StatefulSet on the Pod network, with a sidecar. */
export const statefulSetReview = (): unknown => read('review-statefulset-pod.json');

/** As the API server sends it for a ReplicaSet's Pod on the host network: without a name, and with defaulted hostPorts. */
export const replicaSetReview = (): unknown => read('review-replicaset-pod.json');
