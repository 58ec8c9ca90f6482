{{- /* An image: the values of it, and the repository and the tag where they say none. A digest goes before a tag. */ -}}
{{- define "smallchange.image" -}}
{{- $image := index . 0 -}}
{{ $image.repository | default (index . 1) }}{{ if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default (index . 2) }}{{ end }}
{{- end -}}

{{- /* A setting as text. Numbers of values are floats: 15000000 would be written 1.5e+07. */ -}}
{{- define "smallchange.text" -}}
{{- if kindIs "float64" . -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}
