// Nothing is built here: what is needed of these modules are the CustomResourceDefinitions that come with them.
module github.com/hostport-operator/control-plane/custom-resources

go 1.26.0

require (
	github.com/cert-manager/cert-manager v1.21.2
	github.com/prometheus-operator/prometheus-operator v0.85.0
)
