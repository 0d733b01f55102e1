"""Who may do what in the cloud: the IAM bindings that the Terraform of a checkout declares."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import hcl2
from lark.exceptions import LarkError

from coworker_pipelines.access.grants import Answer, Gap, Grant, Store, Trait

_BINDING: Final = re.compile(r"google_(?P<what>.+?)_iam_(?P<form>member|binding)")
_CUSTOM_ROLE: Final = re.compile(r"google_\w+_iam_custom_role\.(\w+)\.\w+")
_ACCOUNT: Final = re.compile(
    r"\$\{google_service_account\.(?P<name>\w+)(\[(\"(?P<key>[^\"]+)\"|each\.key)\])?"
    r"\.(email|member|name)\}"
)
_REFERENCE: Final = re.compile(r"\blocal\.(\w+)")
_EACH: Final = re.compile(r"\$\{each\.(key|value)(?:\.(\w+))?\}")
_LOCAL: Final = re.compile(r"(?:toset\()?local\.(\w+)\)?")
_QUOTED: Final = re.compile(r'"([^"$]*)"')
_BLOCK: Final = "__is_block__"
_PLACES: Final = (
    "managed_folder", "bucket", "secret_id", "crypto_key_id", "key_ring_id",
    "service_account_id", "instance", "repository", "topic", "subnetwork",
    "web_backend_service", "project", "folder", "org_id",
)  # fmt: skip
_EVERYBODY: Final = frozenset({"allUsers", "allAuthenticatedUsers"})
_PRIMITIVE: Final = frozenset({"roles/owner", "roles/editor"})

Block = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Resource:
    """A ``resource`` block and the file that it stands in."""

    kind: str
    name: str
    block: Block
    file: str


def terraform_answer(folder: Path) -> Answer:
    """The bindings that the files declare; whether they were applied is the cloud's to say."""
    if not folder.is_dir():
        return Answer(gaps=[_gap("This checkout holds no Terraform, so no IAM binding is known.")])
    resources: list[_Resource] = []
    values: dict[str, Any] = {}
    gaps: list[Gap] = []
    for path in sorted(folder.rglob("*.tf")):
        try:
            with path.open(encoding="utf-8") as file:
                parsed = _plain(hcl2.load(file))
        except LarkError:
            gaps.append(_gap(f"{path.name} cannot be parsed: `terraform validate` says where."))
            continue
        resources.extend(_resources(parsed, path.name))
        for block in parsed.get("locals", ()):
            values.update(block)
    roles = {one.name: one.block for one in resources if one.kind.endswith("_iam_custom_role")}
    grants = [
        grant
        for resource in resources
        if (match := _BINDING.fullmatch(resource.kind))
        for grant in _grants(resource, match["what"], values, roles)
    ]
    gaps.extend(
        _gap(f"{grant.through} is repeated by an expression: `terraform plan` shows its roles.")
        for grant in grants
        if any(_EACH.search(role) for role in grant.may)
    )
    return Answer(grants=grants, gaps=gaps)


def _plain(value: Any) -> Any:
    """Texts without the quotes that the parser keeps around them."""
    match value:
        case dict():
            return {str(_plain(key)): _plain(entry) for key, entry in value.items()}
        case list():
            return [_plain(entry) for entry in value]
        case str():
            is_quoted = len(value) > 1 and value[0] == value[-1] == '"'
            return value[1:-1] if is_quoted else value
        case _:
            return value


def _resources(parsed: Block, file: str) -> Iterator[_Resource]:
    for entry in parsed.get("resource", ()):
        for kind, named in entry.items():
            for name, block in named.items():
                yield _Resource(kind, name, block, file)


def _grants(
    resource: _Resource, what: str, values: Block, roles: Mapping[str, Block]
) -> Iterator[Grant]:
    block = resource.block
    for key, value in _instances(block.get("for_each"), values):
        role = _filled(str(block.get("role", "")), key, value)
        members = block.get("members", [block.get("member", "")])
        for member in [members] if isinstance(members, str) else members:
            subject = _filled(str(member), key, value)
            yield Grant(
                store=Store.TERRAFORM,
                subject=_named_account(subject, key),
                may=_may(role, roles),
                on=_place(what, block, key, value),
                through=f"{resource.kind}.{resource.name} in {resource.file}",
                traits=_traits(subject, role),
            )


def _instances(for_each: object, values: Block) -> Iterable[tuple[str, Any]]:
    """Keys and values that the block is repeated for; one without any where it is not.

    What has to be computed is left as it stands: the report then shows the expression.
    """
    found: Any = for_each
    if isinstance(for_each, str):
        expression = for_each.removeprefix("${").removesuffix("}")
        if named := _LOCAL.fullmatch(expression):
            found = values.get(named[1])
        elif expression.startswith(("toset([", "[")):
            found = _QUOTED.findall(expression)
    match found:
        case dict():
            return [(str(key), value) for key, value in found.items() if key != _BLOCK]
        case list() if found:
            return [(str(value), value) for value in found]
        case str() if pairs := list(_paired(found, values)):
            return pairs
        case _:
            return [("", None)]


def _paired(expression: str, values: Block) -> Iterator[tuple[str, Any]]:
    """Each member with each of its roles, where an expression goes over such a table."""
    for name in _REFERENCE.findall(expression):
        table = values.get(name)
        for key, entry in table.items() if isinstance(table, dict) else ():
            if isinstance(entry, dict) and isinstance(entry.get("roles"), list):
                for role in entry["roles"]:
                    yield f"{key} {role}", {"member": entry.get("member", ""), "role": role}


def _named_account(subject: str, key: str) -> str:
    """An account of ours by its name in these files; anybody else as he is written."""
    text = subject.removeprefix("serviceAccount:")
    match = _ACCOUNT.fullmatch(text)
    if match is not None:
        return f"service account {match['key'] or (key if '[' in text else match['name'])}"
    return subject.removeprefix("${").removesuffix("}") if subject.startswith("${") else subject


def _filled(text: str, key: str, value: Any) -> str:
    def fill(match: re.Match[str]) -> str:
        if match[1] == "key":
            return key or match[0]
        found = value.get(match[2]) if isinstance(value, dict) and match[2] else value
        return found if isinstance(found, str) else match[0]

    text = text.replace("[each.key]", f'["{key}"]') if key else text
    return _EACH.sub(fill, text)


def _may(role: str, roles: Mapping[str, Block]) -> tuple[str, ...]:
    """A role of Google's by its name, one of ours by its permissions."""
    custom = _CUSTOM_ROLE.search(role)
    permissions = roles.get(custom[1], {}).get("permissions") if custom else None
    return tuple(permissions) if isinstance(permissions, list) else (role,)


def _place(what: str, block: Block, key: str, value: Any) -> str:
    named = next((str(block[name]) for name in _PLACES if name in block), "")
    kind = what.replace("_", " ")
    where = _named_account(_filled(named, key, value), key)
    return where if where.startswith(kind) else f"{kind} {where}".rstrip()


def _traits(subject: str, role: str) -> frozenset[Trait]:
    traits = set()
    if subject in _EVERYBODY:
        traits.add(Trait.EVERYBODY)
    if role in _PRIMITIVE:
        traits.add(Trait.SUPERUSER)
    return frozenset(traits)


def _gap(sentence: str) -> Gap:
    return Gap(store=Store.TERRAFORM, sentence=sentence)
