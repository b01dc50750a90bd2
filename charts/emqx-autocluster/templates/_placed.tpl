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

{{/*
A ClusterRole or its binding for one namespace alone. In the operator's own there is a Role already, for its Lease.
*/}}
{{- define "emqx-autocluster.limited" -}}
{{- $object := deepCopy .object -}}
{{- $name := eq .namespace .root.Release.Namespace | ternary "emqx-autocluster-workloads" "emqx-autocluster" -}}
{{- $_ := set $object "kind" (trimPrefix "Cluster" $object.kind) -}}
{{- $_ := set $object.metadata "name" $name -}}
{{- $_ := set $object.metadata "namespace" .namespace -}}
{{- with $object.roleRef -}}
{{- $_ := set . "kind" "Role" -}}
{{- $_ := set . "name" $name -}}
{{- end -}}
{{ toYaml $object }}
{{- end -}}

{{- define "emqx-autocluster.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}
