"""The doctor's page: whole in itself, true to the checkup, and nothing in it but what can be seen."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import AT, a_case, a_down_member, an_identity, changed, half_joined, members, the_seed_story
from emqx_autocluster.commands import checkup, webpage
from emqx_autocluster.commands.checkup import Unexamined
from emqx_autocluster.commands.chronicle import Chronicle, Entry, Kind
from emqx_autocluster.commands.webpage import clustermap, groups
from emqx_autocluster.commands.webpage.clustermap import ClusterMap, Tie
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.emqx.discovery import API_SERVER
from emqx_autocluster.healing import Action
from emqx_autocluster.observation import NOT_ASKED, EnvVar, Unobserved
from emqx_autocluster.text.plain import plain_value
from hostile_text import HOSTILE, hostile_case, misdeeds, orders

MARKUP = "</style><script>alert(1)</script><img src=x onerror=alert(1)>'\"&lt;"
VOID = {"meta", "link", "path"}


class Page(HTMLParser):
    """Its elements with their attributes, and its text; every element that is opened is closed in its place."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        self.text += " " * (tag in {"td", "th"})

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    def values(self, attribute: str) -> list[str]:
        return [value for _, attributes in self.elements if (value := attributes.get(attribute)) is not None]


def page(*cases: Case) -> Page:
    return Page(webpage.render([checkup.examine(case) for case in cases], AT))


def drawn(case: Case) -> ClusterMap:
    found = clustermap.draw(case)
    assert found is not None
    return found


def test_it_tells_the_cause_every_rung_every_command_and_every_view() -> None:
    found = checkup.examine(the_seed_story())
    words = page(the_seed_story()).words
    assert found.cause
    assert f"Cause: {found.cause.reason}. {found.cause.message}" in words
    assert all(rung.message in words for rung in found.rungs)
    assert all(step.command in words for step in found.steps if step.command)
    assert words.count("not listed") == len(("a by b, c", "b by a, c", "c by a, b")) * 2


def test_devices_have_a_column_where_they_were_counted() -> None:
    lone = members("a", "b", "c")
    assert "seen by 3 Devices" in page(a_case(members=changed(lone, "b", connections=1207))).words
    assert "1207" in page(a_case(members=changed(lone, "b", connections=1207))).words
    uncounted = tuple(replace(member, connections=NOT_ASKED) for member in lone)
    assert "Devices" not in page(a_case(members=uncounted)).words


def test_what_was_not_judged_is_no_all_clear() -> None:
    found = replace(checkup.examine(a_case()), cause=None, unjudged=())
    assert "Nothing is wrong." in Page(webpage.render([found], AT)).words
    gap = checkup.examine(a_case(image="emqx:latest", members=())).unjudged
    words = Page(webpage.render([replace(found, unjudged=gap)], AT)).words
    assert gap
    assert f"Not judged: {len(gap)}" in words
    assert "Nothing is wrong in what was judged." in words


def test_it_needs_nothing_beside_it() -> None:
    found = page(the_seed_story())
    assert {tag for tag, _ in found.elements} & {"script", "iframe", "img", "object", "form"} == set()
    assert [value for value in found.values("src") + found.values("href") if value != "data:,"] == []
    text = webpage.render([checkup.examine(the_seed_story())], AT)
    assert text.isascii()
    assert not re.search(r"@import|url\((?!#)", text)
    assert "default-src 'none'" in text


def test_what_others_wrote_stays_text() -> None:
    text = webpage.render([checkup.examine(hostile_case())], AT)
    assert misdeeds(text) == []
    assert orders(Page(text).text) == []
    case = a_case(env={API_SERVER: MARKUP}, members=changed(members("a", "b"), "b", view=Unobserved(MARKUP)))
    harmless, found = page(a_case(members=members("a", "b"))), page(case)
    assert {tag for tag, _ in found.elements} <= {tag for tag, _ in harmless.elements} | {"p", "ol", "li"}
    assert "onerror" not in {name for _, attributes in found.elements for name in attributes}
    assert MARKUP in found.text


def test_a_workload_that_could_not_be_looked_at_is_told() -> None:
    ref = the_seed_story().workload.ref
    text = webpage.render([checkup.examine(a_case()), Unexamined(ref, "it ended in <b>ValueError</b>")], AT)
    words = Page(text).words
    assert "2 workloads" in words
    assert "could not be looked at" in words
    assert "it ended in <b>ValueError</b>" in words


def test_several_are_told_one_below_the_other_and_each_link_leads_to_one() -> None:
    found = page(the_seed_story(), a_case())
    links = [value.removeprefix("#") for value in found.values("href") if value.startswith("#")]
    assert links == ["w1", "w2"]
    assert set(links) <= set(found.values("id"))


def test_no_name_stands_twice_and_what_is_referred_to_is_there() -> None:
    found = page(the_seed_story(), hostile_case(), a_case())
    names = found.values("id")
    assert len(names) == len(set(names))
    assert {name for value in found.values("aria-labelledby") for name in value.split()} <= set(names)


def test_a_value_from_a_secret_is_told_as_where_it_stands() -> None:
    address = "http://10.1.2.3:8888"
    reference = EnvVar(API_SERVER, None, {"secretKeyRef": {"name": "settings", "key": "address"}})
    identity = an_identity(EMQX_NODE__NAME="emqx@10.244.0.1", **{API_SERVER: address})
    found = page(a_case(env={API_SERVER: reference}, members=members("a", "b", identity=identity)))
    assert address not in found.text
    assert f"{API_SERVER} (Secret settings, key address)" in found.words


def test_the_report_has_what_happened_and_all_facts_for_other_tools() -> None:
    entries = (
        Entry(AT, Kind.EVENT, "Pod emqx-a", MARKUP),
        Entry(AT, Kind.ACTION, "JoinCluster emqx-b", "failed", wrong=True),
    )
    told = Chronicle(AT, entries, unread=("events: forbidden",))
    facts = {"names": ["emqx-a", MARKUP, HOSTILE]}
    text = webpage.report(checkup.examine(the_seed_story()), told, facts, AT)
    found = Page(text)
    assert f"Pod emqx-a {MARKUP}" in found.words
    assert "Could not be read: events: forbidden" in found.words
    assert "script" not in {tag for tag, _ in found.elements}
    assert misdeeds(text) == []
    begin = found.text.index("{", found.text.index("As JSON"))
    assert json.JSONDecoder().raw_decode(found.text[begin:])[0] == plain_value(facts)


def test_a_step_without_a_command_is_told_as_on_the_terminal() -> None:
    found = checkup.examine(the_seed_story())
    steps = tuple(replace(step, command=None) for step in found.steps if step.action is Action.JOIN_CLUSTER)
    assert steps
    words = Page(webpage.render([replace(found, steps=steps)], AT)).words
    assert all(step.message in words for step in steps)


# the map


def test_each_member_is_drawn_once_by_its_number_in_the_table() -> None:
    found = drawn(a_case(members=members("a b c", "d e"), replicas=5))
    assert sorted(node.sign for node in found.nodes) == ["1", "2", "3", "4", "5"]
    assert [frame.title for frame in found.frames] == ["island 1 of 2: 3 members", "island 2 of 2: 2 members"]
    assert all(frame.alone for frame in found.frames)


def test_one_whole_cluster_is_one_frame_with_a_line_for_each_pair() -> None:
    found = drawn(a_case())
    assert [frame.title for frame in found.frames] == ["island: 3 members"]
    assert [line.tie for line in found.lines] == [Tie.MUTUAL] * 3
    assert not found.frames[0].alone


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        pytest.param(
            a_case(members=changed(members("a b", "c"), "c", view=Unobserved("no answer"))),
            groups.Kind.UNREAD,
            id="not asked",
        ),
        pytest.param(a_case(members=(*members("a b"), a_down_member("c"))), groups.Kind.DOWN, id="down"),
        pytest.param(
            a_case(members=changed(members("a b c"), "c", deleting=True)), groups.Kind.ENDING, id="ending"
        ),
        pytest.param(
            a_case(members=half_joined(members("a b", "c"), "c")),
            groups.Kind.HALF_JOINED,
            id="half-joined",
        ),
        pytest.param(
            a_case(members=members("a b c", stopped=["emqx@10.9.9.9"])), groups.Kind.STALE, id="stale"
        ),
    ],
)
def test_what_is_not_well_is_drawn_in_another_way_and_explained(case: Case, kind: groups.Kind) -> None:
    assert kind in drawn(case).kinds
    assert str(kind) in " ".join(page(case).values("class"))


def test_a_one_sided_view_is_an_arrow_and_told_in_words() -> None:
    a, b, c = members("a b c")
    lone = members("a b", "c")[2]
    case = a_case(members=(a, b, replace(c, view=lone.view)))
    arrows = [line for line in drawn(case).lines if line.tie is Tie.ONE_SIDED]
    assert [line.title for line in arrows] == [
        "emqx-a sees emqx-c, and not the other way round",
        "emqx-b sees emqx-c, and not the other way round",
    ]
    assert arrows[0].title in clustermap.summary(case)


def test_a_port_that_does_not_answer_is_a_line_of_its_own() -> None:
    group = members("a b c")
    case = a_case(members=changed(group, "a", rpc={"emqx-b": False, "emqx-c": True}))
    ties = [(line.tie, line.title) for line in drawn(case).lines if line.tie is not Tie.MUTUAL]
    assert ties == [(Tie.PORT_CLOSED, "emqx-a does not get through to the port of emqx-b")]


def test_nothing_to_draw_is_no_empty_picture() -> None:
    assert clustermap.draw(a_case(members=())) is None


@given(st.lists(st.integers(1, 14), min_size=1, max_size=4))
def test_every_node_stands_in_the_picture_and_on_no_other(sizes: list[int]) -> None:
    names = iter(f"n{number:02}" for number in range(100))
    islands = [" ".join(next(names) for _ in range(size)) for size in sizes]
    found = drawn(a_case(members=members(*islands), replicas=sum(sizes)))
    assert len(found.nodes) == sum(sizes)
    for node in found.nodes:
        assert clustermap.RADIUS <= node.x <= clustermap.WIDTH - clustermap.RADIUS
        assert clustermap.RADIUS <= node.y <= found.height - clustermap.RADIUS
    spots = [(node.x, node.y) for node in found.nodes]
    nearest = min(
        (abs(x - u) + abs(y - v) for i, (x, y) in enumerate(spots) for u, v in spots[:i]), default=99
    )
    assert nearest > 2 * clustermap.RADIUS


# the style


def colours(scheme: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", scheme))


STYLE = (Path(webpage.__file__).parent / "style.css").read_text()
LIGHT, DARK = (colours(part) for part in STYLE.split("@media (prefers-color-scheme: dark)"))


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        *((ink, "page") for ink in ("ink", "soft", "link", "well", "wrong", "advice", "untold")),
        *((ink, "box") for ink in ("ink", "soft")),
        *((state, f"{state}-box") for state in ("well", "wrong", "advice", "untold")),
        *(("ink", f"{state}-box") for state in ("well", "wrong", "advice", "untold")),
    ],
)
def test_text_can_be_read_on_its_ground(scheme: dict[str, str], ink: str, ground: str) -> None:
    assert contrast(scheme[ink], scheme[ground]) >= 4.5  # WCAG 2.2, level AA
