"""Corefiles as they are found in clusters, and what each does with the name of the API server's Service."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emqx_autocluster.diagnosis.names import coredns
from emqx_autocluster.diagnosis.names.corefile import Corefile, CorefileError, Directive, Zone, parse

NAME = "kubernetes.default.svc.cluster.local."
DNS_IP = "10.96.0.10"

KUBEADM = """\
.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
    }
    loop
    reload
    loadbalance
}
"""
K3S = """\
.:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
      pods insecure
      fallthrough in-addr.arpa ip6.arpa
    }
    hosts /etc/coredns/NodeHosts {
      ttl 60
      reload 15s
      fallthrough
    }
    prometheus :9153
    cache 30
    loop
    reload
    loadbalance
    import /etc/coredns/custom/*.override
    forward . /etc/resolv.conf
}
import /etc/coredns/custom/*.server
"""
OPENSHIFT = """\
# foo
example.com:5353 {
    prometheus 127.0.0.1:9153
    forward . 1.1.1.1 2.2.2.2:5353 {
        policy random
    }
    errors
    cache 900 {
        denial 9984 30
    }
}
.:5353 {
    bufsize 1232
    errors
    health {
        lameduck 20s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
    }
    forward . /etc/resolv.conf {
        policy sequential
    }
    cache 900
    reload
}
hostname.bind:5353 {
    chaos
}
"""
KUBESPHERE = """\
.:53 {
    errors
    health
    ready
    template ANY ANY . {
       match "^lb\\.kubesphere\\.local\\.example\\.$"
       rcode NXDOMAIN
       fallthrough
    }
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
    }
    prometheus :9153
    forward . 169.254.25.10 {
       prefer_udp
    }
    cache 30
    loop
    reload
    loadbalance
}
"""
SNIPPETS = """\
(shared) {
    errors
    cache 30
}
cluster.local, in-addr.arpa {
    import shared
    kubernetes
}
"""
AKS = """\
.:53 {
    errors
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
      pods insecure
      fallthrough in-addr.arpa ip6.arpa
      ttl 30
    }
    forward . /etc/resolv.conf
    template ANY ANY internal.cloudapp.net {
      match "^(?:[^.]+\\.){4,}internal\\.cloudapp\\.net\\.$"
      rcode NXDOMAIN
      fallthrough
    }
    import custom/*.override
}
import custom/*.server
"""

REAL = {"kubeadm": KUBEADM, "k3s": K3S, "OpenShift": OPENSHIFT, "KubeSphere": KUBESPHERE, "AKS": AKS}


@pytest.mark.parametrize("text", REAL.values(), ids=REAL)
def test_every_real_one_answers_for_the_service(text: str) -> None:
    corefile = parse(text)
    assert coredns.answers_for(corefile, NAME)
    assert coredns.swallower(corefile, NAME) is None
    assert coredns.loop(corefile, [DNS_IP], NAME) is None
    assert coredns.kubernetes_zones(corefile) == ("cluster.local.",)


def test_zones_ports_plugins_and_their_blocks() -> None:
    first, second, third = parse(OPENSHIFT).servers
    assert (first.zones, third.zones) == ((Zone("example.com.", 5353),), (Zone("hostname.bind.", 5353),))
    assert [plugin.name for plugin in second.plugins] == (
        ["bufsize", "errors", "health", "ready", "kubernetes", "forward", "cache", "reload"]
    )
    (forward,) = first.all_of("forward")
    assert forward == Directive(
        "forward", (".", "1.1.1.1", "2.2.2.2:5353"), (Directive("policy", ("random",)),)
    )


def test_imports_of_other_files_are_told() -> None:
    assert set(parse(K3S).imports) == {"/etc/coredns/custom/*.override", "/etc/coredns/custom/*.server"}
    assert parse(KUBEADM).imports == ()


def test_a_snippet_stands_where_it_is_imported() -> None:
    (server,) = parse(SNIPPETS).servers
    assert server.zones == (Zone("cluster.local."), Zone("in-addr.arpa."))
    assert [plugin.name for plugin in server.plugins] == ["errors", "cache", "kubernetes"]
    assert coredns.answers_for(parse(SNIPPETS), NAME)


@pytest.mark.parametrize(
    ("text", "zones"),
    [
        ("cluster.local:1053 {\n}", [Zone("cluster.local.", 1053)]),
        ("dns://Cluster.Local. {\n}", [Zone("cluster.local.")]),
        (". {\n}", [Zone(".")]),
        ("a.org b.org:54 {\n}", [Zone("a.org."), Zone("b.org.", 54)]),
        ("a.org,b.org {\n}", [Zone("a.org."), Zone("b.org.")]),
        ("a.org,\n  b.org {\n}", [Zone("a.org."), Zone("b.org.")]),
        ("a.org # not b.org\nkubernetes", [Zone("a.org.")]),
        ('"a.org" {\n  errors\n}', [Zone("a.org.")]),
    ],
)
def test_how_zones_are_written(text: str, zones: list[Zone]) -> None:
    (server,) = parse(text).servers
    assert list(server.zones) == zones


@pytest.mark.parametrize("text", [". {\n  errors\n", "{\n}", ". {\n}\n}\n", ". {\n  a {\n}\n"])
def test_braces_that_do_not_match(text: str) -> None:
    with pytest.raises(CorefileError):
        parse(text)


@given(st.text(alphabet='a.:{}()#",\\ \n/', max_size=60))
def test_whatever_stands_in_it_is_read_or_refused(text: str) -> None:
    try:
        corefile = parse(text)
    except CorefileError:
        return
    assert isinstance(corefile, Corefile)
    coredns.swallower(corefile, NAME)
    coredns.loop(corefile, [DNS_IP], NAME)


def block(*lines: str, zone: str = ".", kubernetes: str = "kubernetes cluster.local") -> Corefile:
    return parse(f"{zone} {{\n" + "\n".join((*lines, kubernetes)) + "\n}\n")


@pytest.mark.parametrize(
    ("corefile", "answers"),
    [
        (block(kubernetes="kubernetes mesh.internal"), False),
        (block(kubernetes="kubernetes mesh.internal cluster.local."), True),
        (block(kubernetes="kubernetes", zone="cluster.local"), True),
        (block(kubernetes="kubernetes", zone="mesh.internal"), False),
        (parse("cluster.local {\n forward . 1.1.1.1\n}\n. {\n kubernetes cluster.local\n}\n"), False),
        (parse("svc.cluster.local {\n kubernetes cluster.local\n}\n. {\n errors\n}\n"), True),
        (Corefile(()), False),
    ],
)
def test_who_gets_the_question(corefile: Corefile, *, answers: bool) -> None:
    assert coredns.answers_for(corefile, NAME) is answers


@pytest.mark.parametrize(
    ("line", "swallows"),
    [
        ("hosts {\n 10.0.0.1 a.example\n}", True),
        ("hosts {\n 10.0.0.1 a.example\n fallthrough\n}", False),
        ("hosts {\n 10.0.0.1 a.example\n fallthrough example\n}", True),
        ("hosts {\n 10.0.0.1 a.example\n fallthrough cluster.local\n}", False),
        ("hosts /etc/hosts example {\n 10.0.0.1 a.example\n}", False),
        ("hosts /etc/hosts cluster.local", True),
        ("hosts {\n 10.0.0.1 kubernetes.default.svc.cluster.local\n}", False),
        ("template ANY ANY {\n rcode NXDOMAIN\n}", True),
        ("template IN A {\n rcode NXDOMAIN\n fallthrough\n}", False),
        ("template ANY AAAA {\n rcode NXDOMAIN\n}", False),
        ("template ANY ANY example {\n rcode NXDOMAIN\n}", False),
        ('template ANY A {\n match "[.]svc[.]cluster[.]local[.]$"\n rcode NXDOMAIN\n}', True),
        ('template ANY A {\n match "[.]example[.]$"\n rcode NXDOMAIN\n}', False),
        ('template ANY A {\n match "(?P<"\n rcode NXDOMAIN\n}', False),
        ("errors", False),
    ],
)
def test_what_answers_before_kubernetes_is_asked(line: str, *, swallows: bool) -> None:
    assert (coredns.swallower(block(line), NAME) is not None) is swallows


@pytest.mark.parametrize(
    ("line", "upstream"),
    [
        ("forward . 10.96.0.10", DNS_IP),
        ("forward . 1.1.1.1 10.96.0.10:53", "10.96.0.10:53"),
        ("forward . dns://10.96.0.10", "dns://10.96.0.10"),
        ("forward . 127.0.0.1", "127.0.0.1"),
        ("forward . 127.0.0.53", "127.0.0.53"),
        ("forward . [::1]:53", "[::1]:53"),
        ("forward . ::1", "::1"),
        ("proxy . 10.96.0.10", DNS_IP),
        ("forward . 127.0.0.1:5353", None),
        ("forward . 10.96.0.10:5353", None),
        ("forward . /etc/resolv.conf", None),
        ("forward corp.example 10.96.0.10", None),
        ("forward . tls://9.9.9.9", None),
        ("forward", None),
    ],
)
def test_an_upstream_that_is_itself(line: str, upstream: str | None) -> None:
    assert coredns.loop(block(line), [DNS_IP], NAME) == upstream


def test_a_server_on_another_port_is_itself_there() -> None:
    assert coredns.loop(block("forward . 127.0.0.1:5353", zone=".:5353"), [], NAME) == "127.0.0.1:5353"
    assert coredns.loop(block("forward . 127.0.0.1", zone=".:5353"), [], NAME) is None
