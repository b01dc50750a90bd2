"""What can be said where the version is not named exactly, and who may say which it is."""

from builders import GOOD_MANIFEST as GOOD
from linted import NAME, errors, lint, unjudged


def test_a_range_of_versions_is_judged_where_all_of_it_agrees() -> None:
    for tag in ("5", "5.8", "5.8.9-elixir"):
        text = GOOD.replace("5.8.9", tag).replace("value: iot", "value: lab")
        assert errors(text, "-n", "iot") == ["NamespaceMismatch"]
    assert errors(GOOD.replace("5.8.9", "5.10")) == ["LicenseMissing"]


def test_a_person_may_say_which_version_it_is() -> None:
    text = GOOD.replace("5.8.9", "latest")
    assert errors(text, "--emqx-version", "5.10.1") == ["LicenseMissing"]
    assert not any("version" in told for told in unjudged(text, "--emqx-version", "5.8.9"))
    annotated = text.replace(
        NAME, "  name: emqx\n  annotations: {emqx-autocluster.io/emqx-version: '4.4'}\nspec"
    )
    assert "VariableOfOtherVersion" in errors(annotated)
    refused = lint(text, "--emqx-version", "1.4.2")
    assert (refused.exit_code, "is no version of EMQX" in refused.output) == (2, True)
