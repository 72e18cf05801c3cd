{{- define "hostport.name" -}}
app.kubernetes.io/name: hostport-operator
{{- end }}

{{- define "hostport.labels" -}}
{{ include "hostport.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: hostport-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* Labels and annotations of an object's metadata: the common ones, and those of `labels` and `annotations`. */ -}}
{{- define "hostport.metadata" -}}
labels:
  {{- merge (include "hostport.labels" .root | fromYaml) (.labels | default dict) .root.Values.commonLabels | toYaml | nindent 2 }}
{{- with merge dict (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "hostport.serviceAccountName" -}}
{{ .Values.serviceAccount.name | default (ternary "hostport-operator" "default" .Values.serviceAccount.create) }}
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

{{- /* The namespaces of the Pods that the webhook is called for. */ -}}
{{- define "hostport.namespaceSelector" -}}
{{- $own := dict "key" "kubernetes.io/metadata.name" "operator" "NotIn" "values" (include "hostport.excludedNamespaces" . | fromYamlArray) -}}
{{- $yours := .Values.webhook.namespaceSelector -}}
matchExpressions:
  {{- concat (list $own) ($yours.matchExpressions | default list) | toYaml | nindent 2 }}
{{- with $yours.matchLabels }}
matchLabels:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* The labels of the Pods that the webhook is called for. Empty if they need none. */ -}}
{{- define "hostport.objectSelector" -}}
{{- $yours := deepCopy .Values.webhook.objectSelector -}}
{{- if eq .Values.optIn "label" -}}
{{- $_ := set $yours "matchLabels" (merge (dict "hostport.io/enabled" "true") ($yours.matchLabels | default dict)) -}}
{{- end -}}
{{- with $yours }}{{ toYaml . }}{{ end -}}
{{- end }}

{{- /* The Pods' security context, without the user and the group of the default values where the platform chooses them. */ -}}
{{- define "hostport.podSecurityContext" -}}
{{- $context := deepCopy .Values.podSecurityContext -}}
{{- if .Capabilities.APIVersions.Has "security.openshift.io/v1" -}}
{{- range list "runAsUser" "runAsGroup" -}}
{{- if eq (int (get $context .)) 65532 }}{{ $_ := unset $context . }}{{ end -}}
{{- end -}}
{{- end -}}
{{ toYaml $context }}
{{- end }}
