"""The API-server tests and five stories on older versions of Kubernetes, one version after the other."""
