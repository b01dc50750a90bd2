"""How names are made that become part of a path, a command or an argument; whatever else is no name."""

import re

NODE = r"[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9_\[:][A-Za-z0-9_.:\[\]-]*"
_NODE = re.compile(NODE)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_LONGEST_NODE, _LONGEST_LABEL, _LONGEST_NAME = 255, 63, 253


def is_node(text: str) -> bool:
    """Of EMQX: `emqx@10.0.0.1`, `emqx@emqx-0.emqx.iot.svc.cluster.local`."""
    return len(text) <= _LONGEST_NODE and _NODE.fullmatch(text) is not None


def is_label(text: str) -> bool:
    """RFC 1123: a namespace, a Service, a container."""
    return len(text) <= _LONGEST_LABEL and _LABEL.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """An RFC 1123 subdomain: any other object of Kubernetes that we name."""
    return len(text) <= _LONGEST_NAME and _NAME.fullmatch(text) is not None
