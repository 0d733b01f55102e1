import pytest

from coworker_pipelines.database.url import engine_url
from coworker_pipelines.kernel.errors import TenantActionError


@pytest.mark.parametrize("scheme", ("postgres", "postgresql", "postgresql+psycopg"))
def test_a_postgres_is_reached_by_our_driver_however_it_is_written(scheme: str) -> None:
    url = engine_url(f"{scheme}://ann:hunter2@localhost:5432/coworker?sslmode=require")
    assert url.render_as_string(hide_password=False) == (
        "postgresql+psycopg://ann:hunter2@localhost:5432/coworker?sslmode=require"
    )


@pytest.mark.parametrize("url", ("mysql://ann:hunter2@localhost/x", "sqlite:///x", "hunter2", ""))
def test_what_is_no_postgres_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(TenantActionError) as raised:
        engine_url(url)
    assert "hunter2" not in str(raised.value)
