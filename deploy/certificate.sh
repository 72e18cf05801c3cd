#!/bin/sh
# Makes the webhook's certificate: a certificate authority of its own, a Secret for the replicas, and the caBundle by
# which the API server knows them. Run it once after `kubectl apply -k deploy/base`, and again before the year is over.
set -eu
namespace=${NAMESPACE:-operators}
service=hostport-operator-webhook-service
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
	-keyout ca.key -out ca.crt -subj /CN=hostport-operator-ca 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
	-keyout tls.key -out tls.csr -subj "/CN=$service.$namespace.svc" 2>/dev/null
printf 'subjectAltName=DNS:%s.%s.svc,DNS:%s.%s.svc.cluster.local\nextendedKeyUsage=serverAuth\n' \
	"$service" "$namespace" "$service" "$namespace" > extensions
openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 -extfile extensions -out tls.crt 2>/dev/null

kubectl create secret tls hostport-operator-webhook-certificate --namespace "$namespace" \
	--cert=tls.crt --key=tls.key --dry-run=client --output=yaml | kubectl apply --filename -
kubectl patch mutatingwebhookconfiguration hostport-operator-hostport-mutating-webhook-configuration --type=json \
	--patch "[{\"op\":\"add\",\"path\":\"/webhooks/0/clientConfig/caBundle\",\"value\":\"$(base64 < ca.crt | tr -d '\n')\"}]"
# Replicas read the certificate when they start.
kubectl rollout restart deployment/hostport-operator --namespace "$namespace"
