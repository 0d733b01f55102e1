"""A Pod's volumes as files, laid out like the kubelet's atomic writer does it."""

import base64
import os
import secrets
import shutil
import stat
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from kubernetes import client
from kubernetes.client.exceptions import ApiException

_DEFAULT_MODE: Final = 0o644
_GROUP_READS: Final = 0o440
_NOT_FOUND: Final = 404


class MountError(Exception):
    """A volume cannot be set up yet; the message is the one that the kubelet's event has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    content: bytes
    mode: int


Files = dict[str, File]


class Volumes:
    """Looks up, as the node, what the volumes of one Pod ask for: that and nothing else."""

    def __init__(self, api: client.ApiClient, pod: Any, folder: Path) -> None:
        self._core = client.CoreV1Api(api)
        self._pod = pod
        self._folder = folder

    def set_up(self) -> dict[str, Path]:
        """The folder of each volume by its name, as of now; called again, files are renewed.

        Raises:
            MountError: a Secret, a ConfigMap or a key of one is not there and not optional.
        """
        folders: dict[str, Path] = {}
        for volume in self._pod.spec.volumes or ():
            folder = self._folder / volume.name
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o777)
            if volume.empty_dir is None:
                try:
                    files = self._files(volume)
                except MountError as error:
                    raise MountError(
                        f'MountVolume.SetUp failed for volume "{volume.name}" : {error}'
                    ) from error
                write_atomically(folder, files, group=self._group)
            folders[volume.name] = folder
        return folders

    def mounted(self, volume: str) -> dict[str, str]:
        """What the Pod finds there now, by the files' names."""
        folder = self._folder / volume
        return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}

    @property
    def _group(self) -> int | None:
        context = self._pod.spec.security_context
        return None if context is None else context.fs_group

    def _files(self, volume: Any) -> Files:
        if volume.secret is not None:
            return self._secret(volume.secret.secret_name, volume.secret, volume.secret)
        if volume.config_map is not None:
            return self._config_map(volume.config_map.name, volume.config_map, volume.config_map)
        if volume.projected is None:
            raise MountError("the node of the tests has no volumes of this type")
        files: Files = {}
        for source in volume.projected.sources:
            if source.secret is not None:
                files |= self._secret(source.secret.name, source.secret, volume.projected)
            elif source.config_map is not None:
                files |= self._config_map(
                    source.config_map.name, source.config_map, volume.projected
                )
            elif source.service_account_token is not None:
                token = source.service_account_token
                files[token.path] = File(content=self._token(token), mode=0o600)
            elif source.downward_api is not None:
                files |= self._downward(source.downward_api)
        return files

    def _secret(self, name: str, source: Any, volume: Any) -> Files:
        try:
            found = self._core.read_namespaced_secret(name, self._pod.metadata.namespace).data
        except ApiException as error:
            return _missing(error, f'secret "{name}" not found', source)
        contents = {key: base64.b64decode(value) for key, value in (found or {}).items()}
        return _chosen(contents, source, volume, "secret")

    def _config_map(self, name: str, source: Any, volume: Any) -> Files:
        try:
            found = self._core.read_namespaced_config_map(name, self._pod.metadata.namespace).data
        except ApiException as error:
            return _missing(error, f'configmap "{name}" not found', source)
        contents = {key: value.encode() for key, value in (found or {}).items()}
        return _chosen(contents, source, volume, "configmap")

    def _token(self, source: Any) -> bytes:
        request = client.AuthenticationV1TokenRequest(
            spec=client.V1TokenRequestSpec(
                audiences=[source.audience] if source.audience else [],
                expiration_seconds=source.expiration_seconds,
            )
        )
        account = self._pod.spec.service_account_name
        answer = self._core.create_namespaced_service_account_token(
            account, self._pod.metadata.namespace, request
        )
        return str(answer.status.token).encode()

    def _downward(self, source: Any) -> Files:
        return {
            item.path: File(
                content=str(field(self._pod, item.field_ref.field_path)).encode(),
                mode=_DEFAULT_MODE,
            )
            for item in source.items
        }


def field(pod: Any, path: str) -> str:
    """A field of the Pod that the downward API knows."""
    fields = {
        "metadata.name": pod.metadata.name,
        "metadata.namespace": pod.metadata.namespace,
        "metadata.uid": pod.metadata.uid,
        "spec.serviceAccountName": pod.spec.service_account_name,
        "spec.nodeName": pod.spec.node_name,
        "status.podIP": "127.0.0.1",
    }
    return str(fields[path])


def write_atomically(folder: Path, files: Files, *, group: int | None) -> None:
    """The folder shows these files and no others, all at once: ``..data`` is swapped by a rename.

    With a group, every file is readable to it, whatever its mode, as the kubelet makes it.
    """
    wanted = {path: _opened_to(group, file) for path, file in files.items()}
    current = folder / "..data"
    old = current.resolve() if current.is_symlink() else None
    if old is not None and _read(old) == wanted:
        return
    fresh = folder / f"..{secrets.token_hex(8)}"
    _write(fresh, wanted, group)
    swapped = folder / "..data_tmp"
    swapped.symlink_to(fresh.name)
    swapped.rename(current)
    shown = {PurePosixPath(path).parts[0] for path in wanted}
    for name in shown:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(PurePosixPath("..data") / name)
    for link in list(folder.iterdir()):
        if link.is_symlink() and link.name not in {"..data", *shown}:
            link.unlink()
    if old is not None:
        shutil.rmtree(old)


def _write(folder: Path, files: Files, group: int | None) -> None:
    folder.mkdir()
    for path, file in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        if group is not None:
            os.chown(target, -1, group)
        target.chmod(file.mode)


def _read(folder: Path) -> Files:
    return {
        path.relative_to(folder).as_posix(): File(
            content=path.read_bytes(), mode=stat.S_IMODE(path.stat().st_mode)
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def _opened_to(group: int | None, file: File) -> File:
    return file if group is None else replace(file, mode=file.mode | _GROUP_READS)


def _chosen(contents: dict[str, bytes], source: Any, volume: Any, kind: str) -> Files:
    """The keys that are asked for, under the paths that are asked for; all, if none is named."""
    mode = volume.default_mode or _DEFAULT_MODE
    if not source.items:
        return {key: File(content=content, mode=mode) for key, content in contents.items()}
    files: Files = {}
    for item in source.items:
        if item.key in contents:
            files[item.path] = File(content=contents[item.key], mode=item.mode or mode)
        elif not source.optional:
            raise MountError(f"references non-existent {kind} key: {item.key}")
    return files


def _missing(error: ApiException, message: str, source: Any) -> Files:
    if error.status != _NOT_FOUND:
        raise error
    if source.optional:
        return {}
    raise MountError(message) from error
