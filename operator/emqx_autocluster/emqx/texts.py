"""The text of a container's variables as its pods have it, and what Kubernetes leaves of references in them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from emqx_autocluster.emqx import expansion
from emqx_autocluster.emqx.configfiles import ConfigMaps
from emqx_autocluster.emqx.expansion import LONGEST, Loss, Lost
from emqx_autocluster.observation import Container, EnvFrom, Fact, Unobserved

_OF_A_SERVICE = re.compile(r"^[A-Z0-9_]+_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[A-Z0-9_]+)?)$")
"""Variables that Kubernetes adds for each Service of the namespace."""


@dataclass(frozen=True, slots=True)
class Texts:
    container: Container
    config_maps: ConfigMaps

    def text(self, name: str) -> Fact[str | None]:
        """With `$(NAME)` left where each pod has another text; None: not in `env`, or not to be told from it alone."""
        if self._is_short_and_plain(name) and (entry := self.container.last_env(name)):
            return entry.value
        return expansion.text_in_pods(self.container, name, self.defined())

    def meant(self, name: str) -> str | None:
        """The text if no reference were lost; None: not known, or another one in each pod."""
        return expansion.meant(self.container, name, self.defined())

    def literal(self, name: str) -> str | None:
        """As the pods have it, lost references and all; None: not known."""
        return expansion.literal(self.container, name, self.defined())

    def lost(self, name: str) -> Lost | None:
        """The reference in a variable that Kubernetes certainly leaves as it stands; None: none is."""
        spellings = self.container.spellings(name) or (name,)
        lost = self.lost_reference(spellings[0]) if len(spellings) == 1 else None
        return lost if lost and self.is_certain(lost) else None

    def lost_reference(self, name: str) -> Lost | None:
        """The same, also where a Service or what is not read may define it."""
        if self.container.last_env(name) is None or self._is_short_and_plain(name):
            return None
        return expansion.lost_reference(self.container, name, self.defined())

    def is_certain(self, lost: Lost) -> bool:
        """Whether neither a Service nor what is not read may define it."""
        if lost.why is Loss.ESCAPED:
            return True
        hidden = any(self._may_define(source, lost.name) for source in self.container.env_from)
        return not (hidden or _OF_A_SERVICE.match(lost.name))

    def defined(self) -> dict[str, Fact[str | None]]:
        """By `envFrom`, as far as that is known. A `$(NAME)` in it is the same text everywhere."""
        found = dict[str, Fact[str | None]]()
        for source in self.container.env_from:
            data = self.config_maps.get(source.config_map or "")
            if isinstance(data, Mapping):
                found |= {source.prefix + key: expansion.unexpanded(value) for key, value in data.items()}
        return found

    def _may_define(self, source: EnvFrom, name: str) -> bool:
        """Whether it is not known what it has, and it may have that."""
        unread = isinstance(self.config_maps.get(source.config_map or ""), Unobserved)
        return (unread or source.secret is not None) and name.startswith(source.prefix)

    def _is_short_and_plain(self, name: str) -> bool:
        """Whether its value has no dollar in it: then nothing else of `env` has to be looked through."""
        value = entry.value if (entry := self.container.last_env(name)) else None
        return value is not None and len(value) <= LONGEST and "$" not in value
