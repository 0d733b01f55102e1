import pytest

from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.privacy.extent import Extent

TENANT = Extent(tenant="t1")
CONNECTION = Extent(tenant="t1", connection="c1")
STREAM = Extent(tenant="t1", connection="c1", stream="commits")
NEIGHBOUR = Extent(tenant="t1", connection="c1", stream="tags")
STRANGER = Extent(tenant="t2", connection="c1", stream="commits")


@pytest.mark.parametrize("inner", (TENANT, CONNECTION, STREAM))
def test_a_tenant_covers_all_that_is_its_own(inner: Extent) -> None:
    assert TENANT.covers(inner)


@pytest.mark.parametrize("outer", (CONNECTION, STREAM, STRANGER))
def test_nothing_smaller_or_foreign_covers_a_tenant(outer: Extent) -> None:
    assert not outer.covers(TENANT)


def test_what_lies_within_is_met_from_both_sides() -> None:
    assert STREAM.meets(CONNECTION)
    assert CONNECTION.meets(STREAM)


@pytest.mark.parametrize("other", (NEIGHBOUR, STRANGER))
def test_what_lies_beside_is_not_met(other: Extent) -> None:
    assert not STREAM.meets(other)
    assert not other.meets(STREAM)


def test_a_stream_without_a_connection_is_no_extent() -> None:
    with pytest.raises(DefectError):
        Extent(tenant="t1", stream="commits")
