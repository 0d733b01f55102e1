"""What each variable means, and what is said when its value does not fit."""

from pathlib import Path

import pytest

from coworker_pipelines import settings as variables
from coworker_pipelines.kernel.errors import TenantActionError
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.settings import BucketAddress, Settings

SECRET = "pa55-word"
CLUSTER = {variables.ELASTICSEARCH_URL: "https://es.example.org:9200"}


def test_without_a_variable_everything_is_of_this_machine() -> None:
    settings = Settings.from_environment({})
    state = Path.cwd() / ".coworker"
    assert settings == Settings(state=state, segments=state / "segments")
    assert settings.segments_folder == state / "segments"
    assert settings.replicas == 0


def test_the_state_takes_the_segments_with_it(tmp_path: Path) -> None:
    settings = Settings.from_environment({variables.STATE: str(tmp_path)})
    assert settings.state == tmp_path
    assert settings.segments == tmp_path / "segments"


@pytest.mark.parametrize("name", (variables.STATE, variables.CACHE, variables.SEGMENTS))
def test_a_relative_folder_is_one_of_where_the_program_was_started(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.from_environment({name: "here/below"})
    folders = {settings.state, settings.cache, settings.segments}
    assert Path.cwd() / "here/below" in folders
    monkeypatch.chdir(tmp_path)
    assert {settings.state, settings.cache, settings.segments} == folders


@pytest.mark.parametrize(
    "given",
    (
        "postgresql://ann@db/coworker",
        "postgres://ann@db/coworker",
        "postgresql+psycopg://ann@db/coworker",
        "postgresql+psycopg2://ann@db/coworker",
        "postgresql+asyncpg://ann@db/coworker",
    ),
)
def test_a_database_is_reached_by_the_driver_that_its_reader_has(given: str) -> None:
    settings = Settings.from_environment(
        {variables.DATABASE_URL: given, variables.DAGSTER_DATABASE_URL: given}
    )
    assert settings.database_url == "postgresql+psycopg://ann@db/coworker"
    assert settings.dagster_database_url == "postgresql+psycopg2://ann@db/coworker"


@pytest.mark.parametrize("name", (variables.DATABASE_URL, variables.DAGSTER_DATABASE_URL))
@pytest.mark.parametrize(
    "given",
    (
        "",
        "db",
        f"postgresql://ann:{SECRET}@db:port/x",
        f"mysql://ann:{SECRET}@db/x",
        f"ann:{SECRET}@db/coworker",
        "sqlite:///x",
    ),
)
def test_another_database_is_refused_by_the_name_of_its_variable(name: str, given: str) -> None:
    _refused({name: given}, name, "postgresql://")


def test_a_cluster_is_opened_with_what_files_hold(tmp_path: Path) -> None:
    password, api_key = tmp_path / "password", tmp_path / "key"
    password.write_text(f"{SECRET}\n", encoding="utf-8")
    api_key.write_text("a2V5\n", encoding="utf-8")
    address = Settings.from_environment(
        {
            **CLUSTER,
            variables.ELASTICSEARCH_USER: "elastic",
            variables.ELASTICSEARCH_PASSWORD_FILE: str(password),
            variables.ELASTICSEARCH_API_KEY_FILE: str(api_key),
            variables.ELASTICSEARCH_CA_FILE: str(tmp_path / "ca.pem"),
        }
    ).elasticsearch
    assert address is not None
    assert address.url == CLUSTER[variables.ELASTICSEARCH_URL]
    assert address.user == "elastic"
    assert address.password is not None
    assert address.password.get_secret_value() == SECRET
    assert address.api_key is not None
    assert address.api_key.get_secret_value() == "a2V5"
    assert address.ca_certificate == tmp_path / "ca.pem"
    assert SECRET not in repr(address)


def test_an_authority_counts_where_there_is_a_certificate_to_judge(tmp_path: Path) -> None:
    """The image names one for every deployment, and not every cluster speaks HTTPS."""
    environment = {
        variables.ELASTICSEARCH_URL: "http://es.example.org:9200",
        variables.ELASTICSEARCH_CA_FILE: str(tmp_path / "ca.pem"),
    }
    address = Settings.from_environment(environment).elasticsearch
    assert address is not None
    assert address.ca_certificate is None


def test_a_cluster_may_want_nothing() -> None:
    address = Settings.from_environment(CLUSTER).elasticsearch
    assert address is not None
    assert (address.user, address.password, address.api_key, address.ca_certificate) == (
        None,
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    "given",
    (
        "",
        "es.example.org:9200",
        "ftp://es",
        "https://",
        "http://:9200",
        "http://[::1",
        "http://es:x",
    ),
)
def test_what_is_no_address_of_a_cluster_is_refused(given: str) -> None:
    _refused({variables.ELASTICSEARCH_URL: given}, variables.ELASTICSEARCH_URL, "http or https")


def test_a_password_does_not_stand_in_an_address() -> None:
    _refused(
        {variables.ELASTICSEARCH_URL: f"https://elastic:{SECRET}@es:9200"},
        variables.ELASTICSEARCH_URL,
        variables.ELASTICSEARCH_PASSWORD_FILE,
    )


@pytest.mark.parametrize(
    "name", (variables.ELASTICSEARCH_PASSWORD_FILE, variables.ELASTICSEARCH_API_KEY_FILE)
)
@pytest.mark.parametrize("content", (None, b"\xff\xfe"), ids=("missing", "no text"))
def test_a_file_that_cannot_be_read_is_refused_by_the_name_of_its_variable(
    name: str, content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    _refused({**CLUSTER, name: str(path)}, name, "cannot be read")


@pytest.mark.parametrize(
    ("given", "bucket", "prefix"),
    (
        ("gs://segments", "segments", ""),
        ("gs://segments/", "segments", ""),
        ("gs://segments/europe/west/", "segments", "europe/west"),
    ),
)
def test_segments_may_rest_in_a_bucket(given: str, bucket: str, prefix: str) -> None:
    settings = Settings.from_environment({variables.SEGMENTS: given})
    assert settings.segments == BucketAddress(bucket=bucket, prefix=prefix)
    assert settings.segments_folder == settings.state / "segments"


def test_segments_may_rest_in_a_folder_of_their_own(tmp_path: Path) -> None:
    settings = Settings.from_environment({variables.SEGMENTS: str(tmp_path)})
    assert settings.segments == settings.segments_folder == tmp_path


@pytest.mark.parametrize(
    "given", ("s3://segments", "gs://", "gs:segments", "http://segments/x", "gs://[")
)
def test_segments_rest_nowhere_else(given: str) -> None:
    _refused({variables.SEGMENTS: given}, variables.SEGMENTS, "gs://NAME/PREFIX")


@pytest.mark.parametrize(
    ("name", "attribute"),
    (
        (variables.ELASTICSEARCH_PORT, "elasticsearch_port"),
        (variables.DAGSTER_PORT, "dagster_port"),
        (variables.REPLICAS, "replicas"),
    ),
)
def test_numbers_are_read_and_other_things_refused(name: str, attribute: str) -> None:
    assert getattr(Settings.from_environment({name: "2"}), attribute) == 2
    for given in ("", "two", "-1", "1.5", "1 ", "²"):
        _refused({name: given}, name, "no whole number")


def _refused(environment: dict[str, str], *said: str) -> None:
    with pytest.raises(TenantActionError) as caught:
        Settings.from_environment(environment)
    sentence = str(caught.value)
    assert all(part in sentence for part in said)
    assert SECRET not in sentence
    assert "\n" not in sentence


def test_the_first_month_is_that_of_the_environment() -> None:
    assert Settings.from_environment({}).first_window == Window(2024, 1)
    named = Settings.from_environment({"COWORKER_FIRST_WINDOW": "2015-06"})
    assert named.first_window == Window(2015, 6)
    with pytest.raises(TenantActionError, match="COWORKER_FIRST_WINDOW is no month"):
        Settings.from_environment({"COWORKER_FIRST_WINDOW": "2015"})


FILES = (
    (variables.DATABASE_URL_FILE, "database_url"),
    (variables.DAGSTER_DATABASE_URL_FILE, "dagster_database_url"),
    (variables.RUN_DATABASE_URL_FILE, "run_database_url"),
    (variables.RUN_DAGSTER_DATABASE_URL_FILE, "run_dagster_database_url"),
)


@pytest.mark.parametrize(("name", "field"), FILES)
def test_an_address_with_a_password_may_come_from_a_file(
    name: str, field: str, tmp_path: Path
) -> None:
    file = tmp_path / "url"
    file.write_text(f"postgresql://ann:{SECRET}@db/coworker\n", encoding="utf-8")
    settings = Settings.from_environment({name: str(file)})
    value = getattr(settings, field)
    text = value if isinstance(value, str) else value.get_secret_value()
    driver = "psycopg2" if "dagster" in field else "psycopg"
    assert text == f"postgresql+{driver}://ann:{SECRET}@db/coworker"


@pytest.mark.parametrize(("name", "field"), FILES)
def test_a_file_without_an_address_is_named_and_not_shown(
    name: str, field: str, tmp_path: Path
) -> None:
    file = tmp_path / field
    file.write_text(SECRET, encoding="utf-8")
    with pytest.raises(TenantActionError, match=f"{name} is no address") as refused:
        Settings.from_environment({name: str(file)})
    assert SECRET not in str(refused.value)
    file.unlink()
    with pytest.raises(TenantActionError, match=f"The file that {name} names"):
        Settings.from_environment({name: str(file)})


def test_the_master_key_rests_with_the_state_unless_it_is_mounted(tmp_path: Path) -> None:
    state = {variables.STATE: str(tmp_path)}
    assert Settings.from_environment(state).master_key_file == tmp_path / "master.key"
    mounted = {**state, variables.MASTER_KEY_FILE: "/mounted/key"}
    assert Settings.from_environment(mounted).master_key_file == Path("/mounted/key")


def test_runs_may_go_where_the_deployment_says() -> None:
    settings = Settings.from_environment(
        {variables.RUN_EGRESS: "10.1.0.0/24:5432, elastic-system:9200"}
    )
    database, elasticsearch = settings.run_egress
    assert (database.cidr, database.namespace, database.ports) == ("10.1.0.0/24", None, (5432,))
    assert (elasticsearch.namespace, elasticsearch.ports) == ("elastic-system", (9200,))
    for entry in ("elastic", "10.1.0.0:5432", "elastic:http", "*:80"):
        with pytest.raises(TenantActionError, match=variables.RUN_EGRESS):
            Settings.from_environment({variables.RUN_EGRESS: entry})


@pytest.mark.parametrize("name", (variables.SECRETS, variables.SECRETS_KEY))
def test_a_place_for_secrets_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(TenantActionError, match=f"{name} is neither `file` nor"):
        Settings.from_environment({name: "drawer"})


def test_the_journal_rests_below_the_segments_unless_it_has_a_place_of_its_own() -> None:
    bucket = {variables.SEGMENTS: "gs://ours/segments"}
    own = bucket | {variables.JOURNAL: "gs://ours-journal/orders"}
    assert Settings.from_environment({}).journal_place == Path.cwd() / ".coworker/segments/journal"
    assert Settings.from_environment(bucket).journal_place == BucketAddress(
        bucket="ours", prefix="segments/journal"
    )
    assert Settings.from_environment(own).journal_place == BucketAddress(
        bucket="ours-journal", prefix="orders"
    )
    with pytest.raises(TenantActionError, match="COWORKER_JOURNAL is neither"):
        Settings.from_environment({variables.JOURNAL: "s3://ours"})


def test_the_key_that_signs_receipts_rests_beside_the_master_key(tmp_path: Path) -> None:
    master = {variables.MASTER_KEY_FILE: str(tmp_path / "keys" / "master")}
    own = master | {variables.SIGNING_KEY_FILE: str(tmp_path / "signing")}
    assert Settings.from_environment(master).signing_key_file == tmp_path / "keys" / "receipts.key"
    assert Settings.from_environment(own).signing_key_file == tmp_path / "signing"
