{{/*
A file of deploy/ for the namespace of this release: objects are in it, and policies and bindings name its account.
The names of the objects stay: there is one installation in each cluster, and a second one is refused by Helm.
*/}}
{{- define "emqx-autocluster.placed" -}}
{{- $namespace := .root.Release.Namespace -}}
{{- .root.Files.Get .file
    | replace "namespace: emqx-autocluster\n" (printf "namespace: %s\n" $namespace)
    | replace "system:serviceaccount:emqx-autocluster:" (printf "system:serviceaccount:%s:" $namespace) -}}
{{- end -}}

{{- define "emqx-autocluster.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}
