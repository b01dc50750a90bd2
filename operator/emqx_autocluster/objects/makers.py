"""Whose a pod is: made by the workload's own controller, or by somebody who only says so.

A selector fits whatever has the labels, and an ownerReference is a claim that anybody may write who may create pods. So
a member must be what its ReplicaSet or StatefulSet would have made: by its name, its revision, its account and image.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emqx_autocluster.observation import Workload, WorkloadKind

Object = Mapping[str, Any]
Makers = Mapping[str, "Maker"]
"""By uid."""
CoreMakers = Mapping[tuple[str, str], "Maker"]
"""By uid, and the name of the EMQX container, which may differ between workloads."""

HASH = "pod-template-hash"
_REVISION = "controller-revision-hash"
_LONGEST_BASE = 58
"""The API server cuts what a generated name begins with, and adds five characters."""
_SUFFIX = 5


@dataclass(frozen=True, slots=True)
class Maker:
    """A ReplicaSet of a Deployment, or a StatefulSet: what its pods look like."""

    kind: str
    name: str
    revision: str
    """The template hash, or, of a StatefulSet, the revision that the next two are of; empty: not known yet."""
    service_account: str
    image: str | None
    """Of the EMQX container; None: this revision has no container of that name."""
    ordinals: range = range(0)


def of_stateful_set(workload: Workload, container: str) -> Maker:
    image = next((c.image for c in workload.template.containers if c.name == container), None)
    most = max(workload.replicas, workload.status_replicas)
    ordinals = range(workload.first_ordinal, workload.first_ordinal + most)
    account = workload.template.service_account
    # Until the controller has taken in a new template, its status still names the revision of the old one.
    known = workload.observed_generation >= workload.generation
    revision = workload.update_revision if known else ""
    return Maker("StatefulSet", workload.ref.name, revision, account, image, ordinals)


def of_replica_set(body: Object, workload: Workload, container: str) -> Maker | None:
    """None: it is no revision of this Deployment. One that nobody controls is about to be adopted."""
    owner, found = controller(body), of_any_replica_set(body, container)
    if owner is not None and owner["uid"] != workload.uid:
        return None
    return found if found.revision and found.name == f"{workload.ref.name}-{found.revision}" else None


def of_any_replica_set(body: Object, container: str) -> Maker:
    """Of whatever Deployment, or of none."""
    metadata, spec = body["metadata"], body["spec"]["template"]["spec"]
    image = next((c.get("image", "") for c in spec["containers"] if c["name"] == container), None)
    revision = (metadata.get("labels") or {}).get(HASH, "")
    return Maker("ReplicaSet", metadata["name"], revision, _account(spec), image)


def controller(body: Object) -> Object | None:
    """The one owner that makes and deletes it."""
    owners = body["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def outline(body: Object, container: str) -> Object:
    """What of a pod tells who made it."""
    metadata, spec = body["metadata"], body["spec"]
    labels = metadata.get("labels") or {}
    own = [
        {"name": container, "image": c.get("image", "")} for c in spec["containers"] if c["name"] == container
    ]
    return {
        "metadata": {
            "name": metadata["name"],
            "labels": {key: labels[key] for key in (HASH, _REVISION) if key in labels},
            "ownerReferences": metadata.get("ownerReferences") or [],
        },
        "spec": {"serviceAccountName": spec.get("serviceAccountName", ""), "containers": own},
    }


def claims(body: Object, workload: Workload, makers: Makers) -> bool:
    """Whether it says of itself that it is the workload's: one that does not is simply another's."""
    uids = {owner["uid"] for owner in body["metadata"].get("ownerReferences") or ()}
    return workload.uid in uids or not uids.isdisjoint(makers)


def misfit(body: Object, makers: Makers, container: str) -> str:
    """Why a pod that claims to be the workload's is not; empty: it is."""
    owner = controller(body)
    maker = makers.get(owner["uid"]) if owner else None
    if maker is None:
        return "none of the workload's controllers made it"
    metadata, spec = body["metadata"], body["spec"]
    if not _is_named_by(maker, metadata["name"]):
        return f"{maker.kind} {maker.name} gives no such name"
    labels = metadata.get("labels") or {}
    if maker.kind == WorkloadKind.STATEFUL_SET:
        if labels.get(_REVISION) != maker.revision:
            return ""  # of an older revision, whose template is not read
    elif labels.get(HASH, "") != maker.revision:
        return f"its label {HASH} is not that of {maker.kind} {maker.name}"
    if _account(spec) != maker.service_account:
        made = f"{maker.kind} {maker.name} makes pods of {maker.service_account}"
        return f"it runs as ServiceAccount {_account(spec)}, and {made}"
    image: str = next((c.get("image", "") for c in spec["containers"] if c["name"] == container), "")
    if maker.image is not None and not _is_same(image, maker.image):
        return f"it runs image {image or 'none'}, and {maker.kind} {maker.name} makes pods of {maker.image}"
    return ""


def _account(spec: Object) -> str:
    return spec.get("serviceAccountName") or "default"


def _is_named_by(maker: Maker, name: str) -> bool:
    if maker.kind != WorkloadKind.STATEFUL_SET:
        return name[:-_SUFFIX] == f"{maker.name}-"[:_LONGEST_BASE]
    ordinal = re.fullmatch(r"0|[1-9][0-9]{0,5}", name.removeprefix(f"{maker.name}-"))
    return ordinal is not None and int(ordinal[0]) in maker.ordinals


def _is_same(image: str, given: str) -> bool:
    """An admission webhook may take an image from another registry, or by its digest."""
    (name, tag), (wanted, wanted_tag) = _parts(image), _parts(given)
    return name == wanted and (tag == wanted_tag or None in {tag, wanted_tag})


def _parts(image: str) -> tuple[str, str | None]:
    """The last part of the repository, and the tag; None where a digest stands instead."""
    reference, _, digest = image.partition("@")
    name, _, tag = reference.rpartition("/")[2].partition(":")
    return name, None if digest and not tag else tag or "latest"
