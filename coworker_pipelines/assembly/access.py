"""Which stores an access report asks, in this deployment."""

from functools import partial
from pathlib import Path
from typing import Final

from coworker_pipelines.access.database import OWN_LOGIN, OWN_SERVER, database_answer
from coworker_pipelines.access.elasticsearch import OWN_NODE, OWN_USER, elasticsearch_answer
from coworker_pipelines.access.files import files_answer
from coworker_pipelines.access.grants import Answer, Gap, Report, Store
from coworker_pipelines.access.report import Sources, make_report
from coworker_pipelines.access.reviews import known
from coworker_pipelines.access.terraform import terraform_answer
from coworker_pipelines.assembly.platform import Platform
from coworker_pipelines.database.url import engine_url
from coworker_pipelines.settings import Settings

TERRAFORM: Final = Path(__file__).parents[2] / "deploy" / "terraform"


def access_report(platform: Platform, settings: Settings, *, only: frozenset[Store]) -> Report:
    """What the chosen stores say now, judged by the reviews so far; of all where none is chosen."""
    sources = access_sources(platform, settings)
    chosen = {store: source for store, source in sources.items() if not only or store in only}
    return make_report(chosen, known(platform.database, now=platform.clock.now()))


def access_sources(platform: Platform, settings: Settings) -> Sources:
    """Every store of this deployment; nothing is opened before it is asked."""
    return {
        Store.KUBERNETES: _no_cluster,
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


def run_login(settings: Settings) -> str | None:
    """The name that runs enter the database by, where it is another than the control plane's."""
    url = settings.run_database_url
    return None if url is None else engine_url(url.get_secret_value()).username


def _no_cluster() -> Answer:
    sentence = "This deployment keeps its secrets on this machine: it has no cluster to ask."
    return Answer(gaps=[Gap(store=Store.KUBERNETES, sentence=sentence)])
