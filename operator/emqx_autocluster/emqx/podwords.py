"""What differs from pod to pod, as words that stand for it in a text: so that one text speaks of all pods.

A manifest has no pods, and yet tells of what their names are made. `$(POD_IP)` of an `env` entry becomes the word for
the pod's address whatever the variable is called, and a word becomes a real pod's own again.
"""

import re
from collections.abc import Mapping

from emqx_autocluster.observation import Container

POD_IP = "<pod.IP>"
DASHED_IP = POD_IP.replace(".", "-")
"""As names in DNS have an address."""
POD_NAME = "<pod>"
HOST_IP = "<node.IP>"
"""Of the machine; the pod's own where it has the machine's network."""

_WORDS: Mapping[str, str] = {
    "status.podIP": POD_IP,
    "status.hostIP": HOST_IP,
    "metadata.name": POD_NAME,
    "metadata.labels['statefulset.kubernetes.io/pod-name']": POD_NAME,
}
_REFERENCE = re.compile(r"\$\(([^()]*+)\)")


def worded(container: Container, text: str) -> str | None:
    """What `expansion.text_in_pods` gave, with words for `$(NAME)`; None: it has something that has no word."""
    words = {name: _word(container, name) for name in set(_REFERENCE.findall(text))}
    if None in words.values():
        return None
    return _REFERENCE.sub(lambda found: words[found[1]] or "", text)


def _word(container: Container, name: str) -> str | None:
    entry = container.last_env(name)
    field = ((entry.value_from or {}) if entry else {}).get("fieldRef") or {}
    return _WORDS.get(field.get("fieldPath", ""))


def of_a_pod(text: str, ip: str, name: str) -> str:
    """What it is in a pod of this address and host name."""
    dashed = ip.replace(".", "-")
    return text.replace(POD_IP, ip).replace(DASHED_IP, dashed).replace(POD_NAME, name)


def differs(text: str) -> bool:
    """Whether it is another text in each pod."""
    return any(word in text for word in (POD_IP, DASHED_IP, POD_NAME, HOST_IP))


def shown(text: str) -> str:
    """For people."""
    told = text.replace(POD_IP, "<pod IP>").replace(DASHED_IP, "<pod IP with dashes>")
    return told.replace(HOST_IP, "<machine's IP>")
