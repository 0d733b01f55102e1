"""A bucket of a test's own, which the platform finds by its environment."""

from collections.abc import Iterator

import pytest

from tests.privacy.bucket import Bucket, make_bucket
from tests.segments.conftest import gcs_url

__all__ = ["gcs_url"]


@pytest.fixture
def bucket(gcs_url: str) -> Iterator[Bucket]:
    with pytest.MonkeyPatch.context() as patch:
        # Google's client goes to a server of this name, and as nobody.
        patch.setenv("STORAGE_EMULATOR_HOST", gcs_url)
        yield make_bucket(gcs_url)
