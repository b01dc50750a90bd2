"""What a gate makes of the requests of an operator that looks after a whole cluster."""

import pytest

from sandbox.faultgate.narrowing import narrowed


@pytest.mark.parametrize(
    ("asked", "passed_on"),
    [
        pytest.param(
            "/apis/apps/v1/deployments?watch=true&resourceVersion=7",
            "/apis/apps/v1/namespaces/iot/deployments?watch=true&resourceVersion=7",
            id="a watch of all namespaces",
        ),
        pytest.param(
            "/api/v1/serviceaccounts?limit=250",
            "/api/v1/namespaces/iot/serviceaccounts?limit=250",
            id="a list of the core group",
        ),
        pytest.param(
            "/apis/emqx-autocluster.io/v1alpha1/emqxautoclusters",
            "/apis/emqx-autocluster.io/v1alpha1/namespaces/iot/emqxautoclusters",
            id="without a query",
        ),
        pytest.param("/api/v1/namespaces/iot/pods?limit=250", None, id="of one namespace already"),
        pytest.param("/apis/apps/v1/namespaces/lab/deployments/emqx", None, id="one object"),
        pytest.param("/apis/apps/v1", None, id="which kinds there are"),
        pytest.param("/api/v1/namespaces/kube-system", None, id="what has no namespace"),
    ],
)
def test_what_is_about_all_namespaces_becomes_about_one(asked: str, passed_on: str | None) -> None:
    assert narrowed(asked, "iot") == (passed_on or asked)
