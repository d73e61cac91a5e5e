{{/* The name of all objects. */}}
{{- define "push-manager.fullname" -}}
{{ .Values.fullnameOverride | default .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end -}}

{{- define "push-manager.account" -}}
{{ .Values.serviceAccount.name | default (include "push-manager.fullname" .) }}
{{- end -}}

{{/* What selects the pods; it can't change. Pods of the operator's with the same name are not ours. */}}
{{- define "push-manager.selector" -}}
app.kubernetes.io/name: push-manager
app.kubernetes.io/instance: {{ include "push-manager.fullname" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "push-manager.labels" -}}
{{ include "push-manager.selector" . }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* A digest wins over a tag. */}}
{{- define "push-manager.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ printf "%s@%s" .repository .digest }}
{{- else -}}
{{ printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Seconds, rounded up, of durations as the server takes them, such as 1m30s or 500ms, one after the other. */}}
{{- define "push-manager.seconds" -}}
{{- $milliseconds := 0.0 -}}
{{- range regexFindAll "[0-9.]+(ms|s|m|h)" . -1 -}}
{{- $unit := regexFind "[a-z]+" . -}}
{{- $each := get (dict "ms" 1.0 "s" 1000.0 "m" 60000.0 "h" 3600000.0) $unit -}}
{{- $milliseconds = addf $milliseconds (mulf (trimSuffix $unit . | float64) $each) -}}
{{- end -}}
{{- divf $milliseconds 1000.0 | ceil | int -}}
{{- end -}}

{{/* How long a pod may take to end: the server's own time, and then its leaving and the kubelet's. */}}
{{- define "push-manager.grace" -}}
{{- $knobs := .Files.Get "generated/knobs.yaml" | fromYaml -}}
{{- $drain := .Values.config.drain | default dict -}}
{{- $own := printf "%s %s" ($drain.notice | default $knobs.notice) ($drain.timeout | default $knobs.timeout) -}}
{{- $seconds := include "push-manager.seconds" $own | int -}}
{{- $given := int .Values.terminationGracePeriodSeconds -}}
{{- $least := add $seconds 5 | int -}}
{{- if eq $given 0 -}}
{{ add $seconds 15 }}
{{- else if lt $given $least -}}
{{- fail (printf "terminationGracePeriodSeconds: %d would cut pushes off: drain.notice, drain.timeout and leaving take up to %d s; give more, or 0" $given $least) -}}
{{- else -}}
{{ $given }}
{{- end -}}
{{- end -}}

{{/* Over what of the configuration only a restart brings into effect. */}}
{{- define "push-manager.hash" -}}
{{- $config := deepCopy .Values.config -}}
{{- $knobs := .Files.Get "generated/knobs.yaml" | fromYaml -}}
{{- range $knobs.reloadable -}}
{{- $key := splitList "." . -}}
{{- $section := get $config (first $key) -}}
{{- if $section -}}
{{- $_ := unset $section (last $key) -}}
{{- if not $section -}}
{{- $_ := unset $config (first $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{ toJson $config | sha256sum | trunc 16 }}
{{- end -}}

{{/* As whom every pod of this chart runs. */}}
{{- define "push-manager.user" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "push-manager.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* The file, and how to sign in to etcd. */}}
{{- define "push-manager.env" -}}
- name: CONFIG_FILE
  value: /etc/push-manager/config.yaml
- name: MANAGER_ID
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
- name: ADVERTISE_ADDRESS
  value: $(POD_IP)
{{- with .Values.etcd.authSecretRef }}
{{- if .name }}
- name: ETCD_USERNAME
  valueFrom:
    secretKeyRef:
      name: {{ .name }}
      key: {{ .usernameKey }}
- name: ETCD_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ .name }}
      key: {{ .passwordKey }}
{{- end }}
{{- end }}
{{- with .Values.podTemplate.env }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What both kinds of pods need from the cluster. */}}
{{- define "push-manager.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.podTemplate.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.podTemplate.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.podTemplate.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- end -}}
