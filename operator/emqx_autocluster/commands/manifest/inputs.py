"""All documents of one call, and what belongs together in them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from emqx_autocluster.commands.documents import Document
from emqx_autocluster.observation import Unobserved

NOT_GIVEN = Unobserved("it is not in the input")


@dataclass(frozen=True, slots=True)
class Input:
    """All documents of one call. `namespace`: where those go that name none; None: not known."""

    documents: tuple[Document, ...]
    namespace: str | None = None

    def each(self, *kinds: str) -> Iterator[Document]:
        """Those of which something comes."""
        return (d for d in self.documents if d.kind in kinds and not d.is_of_no_api)

    def others(self, document: Document) -> Iterator[Document]:
        return (other for other in self.documents if other is not document)

    def find(self, kind: str, name: str | None, namespace: str | None) -> Document | None:
        """The last one counts, as when all are applied in their order."""
        found = [d for d in self.each(kind) if d.name == name and self.is_in(d, namespace)]
        return found[-1] if found else None

    def namespace_of(self, document: Document) -> str | None:
        """Where it goes; None: not known."""
        return document.namespace or self.namespace

    def placed(self, document: Document) -> dict[str, Any]:
        """Its body with the namespace that it goes to, where that is known."""
        namespace = self.namespace_of(document)
        metadata = document.body["metadata"]
        return {
            **_without_nulls(document.body),
            "metadata": _without_nulls(metadata) | {"namespace": namespace},
        }

    def are_together(self, one: Document, other: Document) -> bool:
        return self.is_in(one, self.namespace_of(other))

    def is_in(self, document: Document, namespace: str | None) -> bool:
        own = self.namespace_of(document)
        return own is None or namespace is None or own == namespace


def _without_nulls(body: Mapping[str, Any]) -> dict[str, Any]:
    """As the API server reads it: null is as good as absent."""
    return {key: _plain(value) for key, value in body.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _without_nulls(value)
    return [_plain(each) for each in value] if isinstance(value, list) else value
