"""Which container of a pod runs EMQX, and of which version."""

from collections.abc import Sequence

from emqx_autocluster.emqx import roles, versions
from emqx_autocluster.emqx.versions import UNKNOWN_VERSION, VersionRange
from emqx_autocluster.observation import Container, Identity, PodTemplate

_EMQX_IMAGES = frozenset({"emqx", "emqx-ee", "emqx-enterprise"})


def emqx_container(template: PodTemplate, named: str | None) -> Container | None:
    """The one that the annotation names, else the one with cluster settings, else the one with an EMQX image."""
    if named:
        return next((c for c in template.containers if c.name == named), None)
    configured = (c for c in template.containers if any(e.name.startswith("EMQX_CLUSTER__") for e in c.env))
    return next(configured, None) or next((c for c in template.containers if is_emqx_image(c.image)), None)


def other_emqx_containers(template: PodTemplate, named: str | None) -> tuple[Container, ...]:
    """Those beside it that have an EMQX image as well, unless the annotation says which one is meant."""
    chosen = emqx_container(template, named)
    if named or chosen is None:
        return ()
    return tuple(c for c in template.containers if c.name != chosen.name and is_emqx_image(c.image))


def is_emqx_image(image: str) -> bool:
    return _image_name(image) in _EMQX_IMAGES


def _image_name(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def known_version(
    image: str, identities: Sequence[Identity] = (), said: VersionRange | None = None
) -> VersionRange:
    """What the running process says wins over the image's tag, and that over what a person says; `said` may narrow it.

    An image of another name than EMQX's has numbers of its own.
    """
    running = next((found for i in identities if (found := versions.parse(i.version))), None)
    if running is not None:
        return _of_edition(image, running)
    tag = versions.from_tag(image) if "emqx" in _image_name(image) else None
    if tag is None:
        return said or UNKNOWN_VERSION
    return _of_edition(image, tag.narrowed(said) if said else tag)


def _of_edition(image: str, version: VersionRange) -> VersionRange:
    return versions.of_enterprise(version) if roles.is_open_source(image) is False else version


def why_no_version(image: str) -> str:
    """Why the image alone does not tell the version, or not all of it."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    if not tag:
        given = f"a digest ({digest[:19]}...)" if digest else "no tag"
        return f"the image has {given}, which names no version"
    if "emqx" in _image_name(image) and versions.parse(tag):
        return f"the image's tag {tag} may be any version of {versions.parse(tag)}"
    return f"the image's tag {tag} is no version of EMQX"
