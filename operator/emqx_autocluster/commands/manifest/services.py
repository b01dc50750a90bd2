"""Services of the input, and whose addresses stand in them."""

from collections.abc import Iterator, Mapping

from emqx_autocluster import objects
from emqx_autocluster.commands.documents import Document, UnreadableError
from emqx_autocluster.commands.manifest import wellformed
from emqx_autocluster.commands.manifest.inputs import NOT_GIVEN, Input
from emqx_autocluster.observation import Fact, Service, Unobserved, Workload
from emqx_autocluster.text import grammar

_SERVICE_OF_SLICE = "kubernetes.io/service-name"
"""The label of an EndpointSlice."""


def service(input_: Input, name: str | None, namespace: str | None) -> Fact[Service | None]:
    found = input_.find("Service", name, namespace)
    if found is None:
        named = (document.namespace or "" for document in input_.each("Service") if document.name == name)
        elsewhere = next(filter(grammar.is_label, named), None)
        why = f"{NOT_GIVEN.reason}; the one of that name there is of namespace {elsewhere}"
        return Unobserved(why) if elsewhere else NOT_GIVEN
    try:
        wellformed.check(found)
        return objects.service(input_.placed(found))
    except UnreadableError as error:
        return Unobserved(str(error))
    except wellformed.MISSHAPEN as error:
        return Unobserved(str(wellformed.misshapen(found, error)))


def filled_by_hand(
    input_: Input, name: str | None, namespace: str | None, *, by_dns: bool
) -> Unobserved | None:
    """What a Service without a selector leads to stands in addresses; None: it has a selector.

    EMQX asks the API server for Endpoints alone; DNS also goes by EndpointSlices.
    """
    seen = service(input_, name, namespace)
    if not isinstance(seen, Service) or seen.selector or seen.external_name:
        return None
    slices = (d for d in input_.each("EndpointSlice") if by_dns and input_.is_in(d, namespace))
    labels = (d.body["metadata"].get("labels") for d in slices)
    sliced = any(isinstance(each, Mapping) and each.get(_SERVICE_OF_SLICE) == name for each in labels)
    given = input_.find("Endpoints", name, namespace) or sliced
    if given:
        return Unobserved("it has no selector, and its addresses are written by hand")
    return Unobserved(
        "it has no selector, and Endpoints that somebody may write by hand are not in the input"
    )


def selecting(input_: Input, document: Document, workload: Workload) -> Iterator[Service]:
    for name in dict.fromkeys(d.name for d in input_.each("Service") if input_.are_together(d, document)):
        found = service(input_, name, input_.namespace_of(document))
        if isinstance(found, Service) and found.selects(workload.template.labels):
            yield found
