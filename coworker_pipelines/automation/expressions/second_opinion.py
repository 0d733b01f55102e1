"""What a second, independent implementation of CEL makes of an expression.

It is asked while a rule is written and tested, and never when something is decided: it is a
hundred times slower.
"""

from typing import Any, TypeAlias

from celpy import Environment
from celpy.adapter import json_to_cel
from celpy.celparser import CELParseError
from celpy.celtypes import BoolType, IntType, Value
from celpy.evaluation import CELEvalError

from coworker_pipelines.automation.expressions.evaluation import Values

Plain: TypeAlias = bool | int | str | list[Any]


class NoValueError(Exception):
    """The implementation has no value for the expression: it calls it an error, or none at all."""


def second_opinion(source: str, values: Values) -> Plain:
    """The expression's value there.

    Raises:
        NoValueError: it has none.
    """
    environment = Environment()
    try:
        program = environment.program(environment.compile(source))
        found = program.evaluate({name: json_to_cel(value) for name, value in values.items()})
    except (CELParseError, CELEvalError, TypeError, ValueError) as error:
        raise NoValueError from error
    return _plain(found)


def _plain(value: Value) -> Plain:
    match value:
        case BoolType():
            return bool(value)
        case IntType():
            return int(value)
        case str():
            return str(value)
        case list():
            return [_plain(item) for item in value]
        case _:
            raise NoValueError
