import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworker_pipelines.documents import names
from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.kernel.ids import IdPrefix, new_id
from coworker_pipelines.kernel.scope import Scope

SCOPE = Scope(tenant=new_id(IdPrefix.TENANT), connection=new_id(IdPrefix.CONNECTION), epoch=1)
NAMES = st.text(min_size=1, max_size=100)


@given(NAMES, NAMES)
def test_two_streams_never_share_a_name(one: str, other: str) -> None:
    same = names.documents_index(SCOPE, one) == names.documents_index(SCOPE, other)
    assert same == (one == other)


@given(NAMES)
def test_every_stream_has_a_name_that_elasticsearch_takes(stream: str) -> None:
    for name in (names.documents_index(SCOPE, stream), names.documents_alias(SCOPE, stream)):
        assert re.fullmatch(r"cw\.[a-z0-9._~-]{1,250}", name)
        assert name.startswith(names.connection_pattern(SCOPE).removesuffix("*"))


def test_a_name_is_never_made_of_anything_but_ids() -> None:
    for bad in ("acme", "*", "t" + "0" * 14, ""):
        with pytest.raises(DefectError):
            names.connection_pattern(Scope(tenant=bad, connection=SCOPE.connection, epoch=1))
