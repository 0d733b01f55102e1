"""What a run in the cluster opens: one connection, with what was mounted into its pod alone."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from pathlib import Path
from typing import Self

from coworker_pipelines.assembly.credentials import Credentials, own_credentials
from coworker_pipelines.assembly.deployment import silent
from coworker_pipelines.assembly.syncing import Configured, Syncing, read_configured
from coworker_pipelines.database.database import Database
from coworker_pipelines.kernel.clock import Clock, SystemClock
from coworker_pipelines.kernel.errors import RefusedError
from coworker_pipelines.kernel.scope import Scope
from coworker_pipelines.kernel.secret import Secret
from coworker_pipelines.kernel.window import Window
from coworker_pipelines.provisioning.access import PUBLIC, Access
from coworker_pipelines.secrets.mounted import MountedSecretReader
from coworker_pipelines.secrets.redaction.redactor import Redactor
from coworker_pipelines.secrets.redaction.stores import RedactedSecretReader, register_values
from coworker_pipelines.secrets.references import source_reference
from coworker_pipelines.settings import Settings
from coworker_pipelines.syncs import checks
from coworker_pipelines.syncs.context import Step
from coworker_pipelines.syncs.run import SyncRun


class RunPlatform:
    """The platform as a run's pod sees it: it has no way to another connection.

    Not because it would not ask: its secrets are one connection's, its key opens that one's
    indices, and the database shows it the rows of the tenant whose pass it holds.
    """

    def __init__(
        self,
        settings: Settings,
        mount: Path,
        *,
        clock: Clock | None = None,
        progress: Callable[[Step], None] = silent,
        redactor: Redactor | None = None,
    ) -> None:
        self._settings = settings
        self._redactor = redactor or Redactor()
        self._mounted = MountedSecretReader(mount)
        self._secrets = RedactedSecretReader(self._mounted, self._redactor, public=PUBLIC)
        self._progress = progress
        self._opened = ExitStack()
        self.clock: Clock = clock or SystemClock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def open_sync(
        self, handle: str, run_id: str, windows: Sequence[Window]
    ) -> AbstractContextManager[SyncRun]:
        return self._syncing.open_sync(handle, run_id, windows)

    def balance_of_last_sync(self, handle: str, stream: str) -> checks.CheckResult:
        return self._syncing.balance_of_last_sync(handle, stream)

    def index_owner(self, handle: str, stream: str) -> checks.CheckResult:
        return self._syncing.index_owner(handle, stream)

    def retention_truth(self, handle: str, stream: str) -> checks.CheckResult:
        return self._syncing.retention_truth(handle, stream)

    @cached_property
    def _access(self) -> Access:
        values = self._mounted.own_access()
        register_values(values, self._redactor, public=PUBLIC)
        return Access.of(values)

    @cached_property
    def _database(self) -> Database:
        url = self._access.addresses.database_url
        if url is None:
            raise RefusedError("The connection's access names no database.")
        return self._opened.enter_context(Database(url.get_secret_value(), self._pass_of))

    def _pass_of(self, tenant: str) -> Secret:
        if tenant != self._access.tenant:
            raise RefusedError("This run holds the pass of one tenant, and was asked for another.")
        return self._access.database_pass

    @cached_property
    def _syncing(self) -> Syncing:
        address = self._settings.elasticsearch
        if address is None:
            raise RefusedError("This run was not told where Elasticsearch is.")
        return Syncing(
            settings=self._settings,
            database=self._database,
            elasticsearch=address,
            configured=self._configured,
            credentials=self._credentials,
            source_secrets=self._source_secrets,
            token_reader=self._secrets,
            clock=self.clock,
            progress=self._progress,
        )

    def _configured(self, handle: str) -> Configured:
        with self._database.tenant(self._access.tenant) as session:
            configured = read_configured(session, self._access.connection)
        if configured.handle != handle:
            raise RefusedError(
                f"This run was given the secrets of {configured.handle}, and was asked for "
                "another connection."
            )
        return configured

    def _credentials(self, scope: Scope) -> Credentials:
        # Read anew each time: the mount follows a rotation, and a run may be long.
        return own_credentials(self._secrets, scope)

    def _source_secrets(self, scope: Scope) -> Mapping[str, Secret]:
        return self._secrets.get(source_reference(scope))
