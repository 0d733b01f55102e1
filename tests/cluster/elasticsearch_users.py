"""Users of the suite's Elasticsearch, with the rights of our components and no more."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import yaml

from coworker_pipelines.documents.client import open_client
from coworker_pipelines.services.local import Endpoints

ROLES: Final = (
    Path(__file__).parents[2] / "deploy" / "kubernetes" / "addons" / "elasticsearch" / "roles.yml"
)
PRIVACY_USER: Final = "coworker-privacy"
PRIVACY_ROLE: Final = "coworker_privacy"


@contextmanager
def made_privacy_user(endpoints: Endpoints) -> Iterator[str]:
    """The password of who carries out orders, whose role is the one that we deploy."""
    role = yaml.safe_load(ROLES.read_text(encoding="utf-8"))[PRIVACY_ROLE]
    password = secrets.token_hex(16)
    client = open_client(endpoints.elasticsearch)
    try:
        client.security.put_role(name=PRIVACY_ROLE, **role)
        client.security.put_user(username=PRIVACY_USER, password=password, roles=[PRIVACY_ROLE])
        yield password
        client.security.delete_user(username=PRIVACY_USER)
        client.security.delete_role(name=PRIVACY_ROLE)
    finally:
        client.close()
