{{- define "reports.rules" -}}
- apiGroups: [""]
  resources: [pods, pods/log]
  verbs: [get, list, watch]
{{- with .Values.rbac.secrets }}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: {{ toJson . }}
  verbs: [get]
{{- end }}
{{- end }}
