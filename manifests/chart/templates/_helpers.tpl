{{/* What names begin with: the release's name, which should say what it is. */}}
{{- define "promoter.prefix" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains "promoter" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-promoter" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "promoter.name" -}}
{{ include "promoter.prefix" . }}-controller
{{- end -}}

{{/* What pods are selected by; never changes for a release. */}}
{{- define "promoter.selector" -}}
app.kubernetes.io/name: promoter-controller
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "promoter.labels" -}}
{{ include "promoter.selector" . }}
app.kubernetes.io/part-of: promoter
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "promoter.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* A RoleBinding's reference and subject. Takes the root, `kind` and `name`. */}}
{{- define "promoter.binding" -}}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind }}
  name: {{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ include "promoter.name" .root }}
    namespace: {{ .root.Release.Namespace }}
{{- end -}}

{{/* Lets pods of a namespace in. Takes the root, `name` and `from`. */}}
{{- define "promoter.letIn" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "promoter.labels" .root | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "promoter.selector" .root | nindent 6 }}
  policyTypes: [Ingress]
  ingress:
    - from:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: {{ .from }}
      ports:
        - protocol: TCP
          port: 8080
{{- end -}}
