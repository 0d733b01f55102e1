"""Streams that are read whole: nothing that is there may look as if it were gone."""

from typing import Any

import pytest

from coworker_pipelines.connectors.github.streams import (
    PROFILE_FIELDS,
    RELEASES,
    REPOSITORIES,
    USERS,
)
from coworker_pipelines.kernel.errors import RetryLaterError
from coworker_pipelines.sdk.conformance.reading import read_pages, records_of, request
from tests.connectors.github.planting import connector_for, settings_for
from tests.connectors.github.reading import WINDOW, Source, numbers
from tests.fakes.github_server import FakeGitHub
from tests.fakes.github_world import person


@pytest.fixture
def source(github: FakeGitHub) -> Source:
    return Source.on(github)


@pytest.mark.parametrize("page", (2, 3))
def test_a_release_that_is_deleted_while_they_are_read_pulls_none_past_us(
    source: Source, page: int
) -> None:
    repository = source.repository()
    for number in range(250):
        repository.add_release(number)
    kept = {release["id"] for release in repository.releases}
    kept.remove(repository.releases[7]["id"])
    source.github.fault(f"/releases[?].*page={page}", 0, then=lambda: _drop(repository.releases, 7))
    pages = source.pages(RELEASES)
    assert kept <= set(numbers(records_of(pages), "id"))
    assert pages[-1].complete


def _drop(items: list[Any], index: int) -> None:
    items.pop(index)


def test_a_list_that_never_holds_still_is_left_for_later(source: Source) -> None:
    repository = source.repository()
    for number in range(350):
        repository.add_release(number)
    source.github.fault(
        "/releases[?].*page=2", 0, times=99, then=lambda: _drop(repository.releases, 0)
    )
    with pytest.raises(RetryLaterError, match="faster than it can be read"):
        source.sync(RELEASES)


def test_looking_back_costs_nothing_of_the_hourly_rate(source: Source) -> None:
    repository = source.repository()
    for number in range(350):
        repository.add_release(number)
    source.github.remaining, source.github.reset_at = 6, 2**31
    assert len(source.sync(RELEASES)) == 350
    assert [asked.status for asked in source.github.asked].count(304) == 3
    assert source.github.remaining == 1


def test_only_a_whole_snapshot_is_complete(source: Source) -> None:
    for name in ("one", "two"):
        repository = source.repository(name)
        for number in range(120):
            repository.add_release(number)
    source.github.fault("/two/releases[?].*page=2", 500)
    before = source.until_it_fails(RELEASES, RetryLaterError)
    assert len(before) == 220
    pages = source.pages(RELEASES)
    assert len(records_of(pages)) == 20
    assert [page.complete for page in pages] == [False, True]


def test_repositories_that_are_named_are_read_one_by_one(github: FakeGitHub) -> None:
    for owner in ("acme", "ada"):
        github.organisation(owner).add_repository("code").id += len(github.organisations)
    names = ["ada/code", "acme/code"]
    connector = type(connector_for(github, "acme"))(
        settings_for(github, None, repositories=tuple(names))
    )
    connector.check()
    read = records_of(read_pages(connector, request(REPOSITORIES, WINDOW)))
    assert [record["full_name"] for record in read] == names


def test_without_an_organisation_there_are_no_users(github: FakeGitHub) -> None:
    github.organisation("acme").add_repository("code")
    connector = type(connector_for(github, "acme"))(
        settings_for(github, None, repositories=("acme/code",))
    )
    [page] = read_pages(connector, request(USERS, WINDOW))
    assert page.complete
    assert not page.records


def test_profiles_are_asked_for_only_where_a_field_needs_them(source: Source) -> None:
    source.organisation.members = [person(1), person(2)]
    source.organisation.profiles = {"person-1": person(1)}
    assert len(source.sync(USERS, USERS.field_names - PROFILE_FIELDS)) == 2
    assert source.github.paths == ["/orgs/acme/members"]
    named, unnamed = source.sync(USERS)
    assert (named["name"], named["email"]) == ("Person of person-1", "person-1@example.com")
    assert unnamed["name"] is None, "An account that is gone has no profile any more."


def test_an_outsider_sees_the_public_members_on_all_their_pages(source: Source) -> None:
    source.github.is_outsider = True
    source.organisation.members = [person(number) for number in range(250)]
    read = source.sync(USERS, USERS.field_names - PROFILE_FIELDS)
    assert len(numbers(read, "id")) == len(set(numbers(read, "id"))) == 250
