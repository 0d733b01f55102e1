"""Which stores an access report asks, in this deployment."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from coworker_pipelines.access.database import OWN_LOGIN, OWN_SERVER, database_answer
from coworker_pipelines.access.elasticsearch import OWN_NODE, OWN_USER, elasticsearch_answer
from coworker_pipelines.access.files import files_answer
from coworker_pipelines.access.grants import Answer, Gap, Report, Store
from coworker_pipelines.access.kubernetes import cluster_answer
from coworker_pipelines.access.report import Sources, make_report
from coworker_pipelines.access.reviews import known
from coworker_pipelines.access.terraform import terraform_answer
from coworker_pipelines.assembly.platform import Platform
from coworker_pipelines.cluster.client import Cluster
from coworker_pipelines.database.url import engine_url
from coworker_pipelines.settings import SecretsIn, Settings

OpenCluster = Callable[[], Cluster]
"""The cluster that the secrets are in, asked as who we are."""
TERRAFORM: Final = Path(__file__).parents[2] / "deploy" / "terraform"


def access_report(
    platform: Platform,
    settings: Settings,
    *,
    only: frozenset[Store] = frozenset(),
) -> Report:
    """What the chosen stores say now, judged by the reviews so far; of all where none is chosen."""
    sources = access_sources(platform, settings)
    chosen = {store: source for store, source in sources.items() if not only or store in only}
    return make_report(chosen, known(platform.database, now=platform.clock.now()))


def access_sources(platform: Platform, settings: Settings) -> Sources:
    """Every store of this deployment; nothing is opened before it is asked."""
    return {
        Store.KUBERNETES: partial(_ask_cluster, own_cluster(platform, settings)),
        Store.ELASTICSEARCH: lambda: elasticsearch_answer(
            platform.admin, own=OWN_USER if settings.elasticsearch else OWN_NODE
        ),
        Store.DATABASE: lambda: database_answer(
            platform.database,
            through=OWN_LOGIN if settings.database_url else OWN_SERVER,
            run_login=run_login(settings),
        ),
        Store.FILES: partial(
            files_answer,
            settings.state,
            {"master.key": settings.master_key_file, "segments": settings.segments_folder},
        ),
        Store.TERRAFORM: partial(terraform_answer, TERRAFORM),
    }


def own_cluster(platform: Platform, settings: Settings) -> OpenCluster | None:
    """None where the secrets rest on this machine."""
    return (lambda: platform.cluster) if settings.secrets is SecretsIn.KUBERNETES else None


def run_login(settings: Settings) -> str | None:
    """The name that runs enter the database by, where it is another than the control plane's."""
    url = settings.run_database_url
    return None if url is None else engine_url(url.get_secret_value()).username


def _ask_cluster(cluster: OpenCluster | None) -> Answer:
    if cluster is None:
        sentence = "This deployment keeps its secrets on this machine: it has no cluster to ask."
        return Answer(gaps=[Gap(store=Store.KUBERNETES, sentence=sentence)])
    return cluster_answer(cluster())
