{{- define "orlop-fleet.labels" -}}
app.kubernetes.io/name: orlop-fleet
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "orlop-fleet.selector" -}}
app.kubernetes.io/name: orlop-fleet
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "orlop-fleet.name" -}}
{{ printf "%s-orlop-fleet" .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}
