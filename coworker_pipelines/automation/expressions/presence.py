"""What an expression, once it has come out, says of what is there."""

from typing import Final

from coworker_pipelines.automation.expressions.syntax import (
    Binary,
    Call,
    Node,
    Path,
    Unary,
    path_of,
)

NOTHING: Final[frozenset[Path]] = frozenset()


def present_if(node: Node, truth: bool) -> frozenset[Path]:  # noqa: FBT001 - it is what is asked
    """Paths that must be there when the expression has come out so."""
    match node:
        case Call(of=None, function="has", arguments=(inner,)):
            path = path_of(inner)
            return frozenset({path}) if truth and path else NOTHING
        case Unary():
            return present_if(node.of, not truth)
        case Binary(operator="&&") if truth:
            return present_if(node.left, truth) | present_if(node.right, truth)
        case Binary(operator="||") if not truth:
            return present_if(node.left, truth) | present_if(node.right, truth)
        case _:
            return NOTHING
