"""A real Kubernetes control plane, CoreDNS and hollow nodes on loopback, without root or containers.

The demo, the tests and the benchmarks run on it. `python -m sandbox up` starts one.
"""
