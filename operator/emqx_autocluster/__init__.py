"""The EMQX auto-cluster operator: keeps the clustering of user-owned EMQX workloads healthy."""

__version__ = "0.1.0"
