"""The switches that tests set: free-form key/value pairs per pod, over defaults per namespace."""

from collections import ChainMap
from collections.abc import Mapping


class Switches:
    def __init__(self) -> None:
        self._pods: dict[tuple[str, str], dict[str, str]] = {}
        self._namespaces: dict[str, dict[str, str]] = {}
        self._next: dict[str, dict[str, str]] = {}

    def of(self, namespace: str, pod: str) -> Mapping[str, str]:
        """Give the live view that a World hands to its program."""
        return ChainMap(self.pod(namespace, pod), self.namespace(namespace))

    def pod(self, namespace: str, pod: str) -> dict[str, str]:
        """Give the pod's own switches; may be set before the pod exists."""
        return self._pods.setdefault((namespace, pod), {})

    def namespace(self, namespace: str) -> dict[str, str]:
        return self._namespaces.setdefault(namespace, {})

    def next_pod(self, namespace: str) -> dict[str, str]:
        """Give what the pod will have that is made next: who looks for a new pod may come too late to set it."""
        return self._next.setdefault(namespace, {})

    def claim(self, namespace: str, pod: str) -> None:
        """Give a new pod what was laid by for it."""
        if laid_by := self._next.pop(namespace, None):
            self.pod(namespace, pod).update(laid_by)

    def forget(self, namespace: str, pod: str) -> None:
        """Drop the switches of a pod that is gone: its successor of the same name is another process."""
        self._pods.pop((namespace, pod), None)
