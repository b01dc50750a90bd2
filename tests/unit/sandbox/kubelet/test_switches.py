"""The switches of pods: what is set for one that is yet to be made."""

from sandbox.kubelet.switches import Switches


def test_what_is_laid_by_is_of_the_next_pod_of_that_namespace_and_of_no_other() -> None:
    switches = Switches()
    switches.next_pod("iot")["join"] = "fail"
    switches.claim("lab", "emqx-0")
    switches.claim("iot", "emqx-1")
    switches.claim("iot", "emqx-2")
    assert switches.pod("iot", "emqx-1") == {"join": "fail"}
    assert switches.pod("lab", "emqx-0") == switches.pod("iot", "emqx-2") == {}
