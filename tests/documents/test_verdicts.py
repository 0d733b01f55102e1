"""Who must act, for every way in which a cluster does not give what was asked for."""

from dataclasses import replace

import pytest

from coworker_pipelines.documents.client import ask, open_client, translated
from coworker_pipelines.documents.endpoint import Endpoint
from coworker_pipelines.documents.patience import ONCE
from coworker_pipelines.kernel.errors import DefectError, RefusedError, RetryLaterError
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.services.address import ElasticsearchAddress
from tests.documents.place import Place
from tests.fakes.unruly_proxy import Temper, Trouble, UnrulyProxy


@pytest.mark.parametrize("trouble", (Trouble.REFUSED, Trouble.UNAVAILABLE, Trouble.CUT_BEFORE))
def test_an_overload_is_for_later(place: Place, trouble: Trouble) -> None:
    temper = Temper(share=1, troubles=(trouble,), retry_after_s=7)
    with UnrulyProxy(place.address.url, seed=1, temper=temper) as proxy:
        address = replace(place.address, url=proxy.url)
        endpoint = Endpoint(address)
        with pytest.raises(RetryLaterError) as later:
            endpoint.post(f"/{place.alias}/_refresh", b"")
        endpoint.close()
        assert later.value.retry_after_s == (None if trouble is Trouble.CUT_BEFORE else 7)
        with open_client(address) as client, pytest.raises(RetryLaterError):
            ask(lambda: client.count(index=place.alias), ONCE)


def test_a_cluster_that_is_away_is_for_later(place: Place) -> None:
    address = replace(place.address, url="http://127.0.0.1:9")
    with pytest.raises(RetryLaterError):
        Endpoint(address).post("/_refresh", b"")
    with open_client(address) as client, pytest.raises(RetryLaterError):
        ask(lambda: client.count(index=place.alias), ONCE)


def test_an_unknown_key_is_refused_without_being_told(place: Place) -> None:
    address = ElasticsearchAddress(url=place.address.url, api_key=Secret("bm86c3VjaA=="))
    with pytest.raises(RefusedError, match="revoked or has expired") as refused:
        Endpoint(address).post("/_refresh", b"")
    with open_client(address) as client, pytest.raises(RefusedError) as also, translated():
        client.count(index=place.alias)
    assert "bm86" not in str(refused.value) + str(also.value)


def test_a_request_that_makes_no_sense_is_our_defect(place: Place) -> None:
    with pytest.raises(DefectError, match="400, parsing_exception"), translated():
        place.client.search(index=place.alias, query={"no_such_query": {}})


def test_a_view_that_has_ended_is_for_later(place: Place) -> None:
    view = place.client.open_point_in_time(index=place.alias, keep_alive="1m")["id"]
    place.client.close_point_in_time(id=view)
    with pytest.raises(RetryLaterError, match="no longer holds the view"):
        ask(lambda: place.client.search(pit={"id": view}), ONCE)
