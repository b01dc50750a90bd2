"""What was seen since the annotation, in order; and whether the story came true. Pure: it is told each look."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from demo.picture import Look, Member
from emqx_autocluster.healing import Action

_MAY_TAKE_TO_JOIN = timedelta(seconds=20)
"""A new member is Ready before it has joined; after this long it counts as a cluster of its own."""
_ACTIONS = frozenset(Action)
MEMBERS = 3


@dataclass(frozen=True, slots=True)
class Line:
    after: timedelta
    what: str
    text: str
    by_operator: bool = False


@dataclass(slots=True)
class Chronicle:
    began: datetime
    before: Look
    lines: list[Line] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    gathered_after: timedelta | None = None
    splits: list[Look] = field(default_factory=list)
    """Looks during the rollout that showed more than one cluster, also in the look after."""
    looks_while_rolling: int = 0
    _told: set[str] = field(default_factory=set)
    _joined: set[str] = field(default_factory=set)
    _doubt: Look | None = None

    def add(self, look: Look) -> list[Line]:
        """Takes in one look; gives the lines that are new."""
        last = self.looks[-1] if self.looks else self.before
        self.looks.append(look)
        new = sorted([*self._by_operator(look), *self._seen(last, look)], key=lambda line: line.after)
        self.lines = sorted([*self.lines, *new], key=lambda line: line.after)
        self._judge(look)
        return new

    def _after(self, at: datetime) -> timedelta:
        return max(at - self.began, timedelta())

    def _by_operator(self, look: Look) -> list[Line]:
        fresh = [h for h in look.happenings if h.reason in _ACTIONS and h.name not in self._told]
        self._told |= {happening.name for happening in fresh}
        return [Line(self._after(h.at), h.reason, h.note, by_operator=True) for h in fresh]

    def _seen(self, last: Look, look: Look) -> list[Line]:
        after, lines = self._after(look.at), []
        if self.gathered_after is None and self._is_gathered(look):
            self.gathered_after = after
            lines.append(Line(after, "Seen", f"one cluster of {MEMBERS}, and no pod was restarted"))
        lines += [Line(after, "Seen", text) for text in self._arrivals(look) + _departures(last, look)]
        if look.revision != self.before.revision and look.rolled_out and not last.rolled_out:
            lines.append(Line(after, "Seen", "the rollout is over"))
        ready, was = look.condition("Ready"), last.condition("Ready")
        if ready and ready.status == "True" and (was is None or was.status != "True"):
            lines.append(Line(after, "Seen", f"Ready is True: {ready.message}"))
        return lines

    def _arrivals(self, look: Look) -> list[str]:
        texts = []
        for group in look.clusters:
            for member in group:
                if member.new and look.revision != self.before.revision and len(group) > 1:
                    if member.uid not in self._joined:
                        texts.append(f"new pod {member.pod} has joined: a cluster of {len(group)}")
                    self._joined.add(member.uid)
        return texts

    def _is_gathered(self, look: Look) -> bool:
        uids = {m.uid for m in look.members}
        return uids == self.original and [len(group) for group in look.clusters] == [MEMBERS]

    @property
    def original(self) -> set[str]:
        return {m.uid for m in self.before.members}

    def _judge(self, look: Look) -> None:
        if self.gathered_after is None or look.revision == self.before.revision:
            return
        self.looks_while_rolling += 1
        apart = len(self.standing_clusters(look)) > 1
        if apart and self._doubt:  # one look asks the pods one after another and can catch a join half-way
            self.splits.append(look)
        self._doubt = look if apart else None

    def standing_clusters(self, look: Look) -> list[tuple[Member, ...]]:
        """The clusters, without a new member that has a moment left to join."""
        return [group for group in look.clusters if not (len(group) == 1 and self.is_joining(group[0], look))]

    def is_joining(self, member: Member, look: Look) -> bool:
        if not member.new or look.revision == self.before.revision or member.uid in self._joined:
            return False
        return member.ready_since is None or look.at - member.ready_since < _MAY_TAKE_TO_JOIN

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to wait for."""
        look = self.looks[-1]
        ready, status = look.condition("Ready"), look.resource.status if look.resource else None
        settled = status is not None and status.procedure is None and not status.planned_actions
        whole = [len(group) for group in look.clusters] == [MEMBERS]
        changed = look.revision != self.before.revision and look.rolled_out
        return bool(settled and whole and changed and ready and ready.status == "True" and not look.old_names)


def _departures(last: Look, look: Look) -> list[str]:
    stayed = {m.uid for m in look.members if not m.ending}
    size = len(look.clusters[0]) if look.clusters else 0
    leaving = (m for m in last.members if not m.ending and m.uid not in stayed)
    return [f"{'new' if m.new else 'old'} pod {m.pod} ends: a cluster of {size} stays" for m in leaving]
