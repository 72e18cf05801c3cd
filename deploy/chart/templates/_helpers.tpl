{{- define "hostport.name" -}}
app.kubernetes.io/name: hostport-operator
{{- end }}

{{- define "hostport.labels" -}}
{{ include "hostport.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "hostport.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- /* The Secret to mount. Empty if the operator maintains the certificate itself. */ -}}
{{- define "hostport.certificateSecret" -}}
{{- if eq .Values.certificate.source "cert-manager" -}}
hostport-operator-webhook-tls
{{- else if eq .Values.certificate.source "secret" -}}
{{ required "certificate.secretName is empty: name the Secret with the webhook's certificate, or choose another certificate.source" .Values.certificate.secretName }}
{{- end -}}
{{- end }}

{{- /*
The path of the webhook, which must be the same in the Deployment and in the webhook configuration: the one of the values, else
the one of the installed webhook configuration, else a random one. The random one is kept in .Values, so that each template of a
rendering gets the same. Without access to the cluster, nothing could keep it until the next rendering, so it is the default.
*/ -}}
{{- define "hostport.webhookPath" -}}
{{- if not .Values.webhookPath -}}
{{- $path := "/mutate-pods" -}}
{{- $installed := lookup "admissionregistration.k8s.io/v1" "MutatingWebhookConfiguration" "" "hostport-operator-hostport-mutating-webhook-configuration" -}}
{{- if $installed -}}
{{- $path = dig "clientConfig" "service" "path" $path (first $installed.webhooks) -}}
{{- else if lookup "v1" "Namespace" "" "kube-system" -}}
{{- $path = printf "/mutate-pods/%s" (randAlphaNum 32 | lower) -}}
{{- end -}}
{{- $_ := set .Values "webhookPath" $path -}}
{{- end -}}
{{ .Values.webhookPath }}
{{- end }}

{{- /* A list of the namespaces whose Pods get no ports. */ -}}
{{- define "hostport.excludedNamespaces" -}}
{{- concat (list .Release.Namespace "kube-system" "kube-public" "kube-node-lease") .Values.excludedNamespaces | uniq | toYaml -}}
{{- end }}
