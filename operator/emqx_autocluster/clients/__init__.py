"""The doors to the outside: the Kubernetes API, exec, DNS and EMQX's own commands. One library, one module."""
