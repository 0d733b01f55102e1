"""The envelope as the CloudEvents package of the CNCF knows it, where messages leave.

Deriving writes the same bytes without it, at many times the speed; here each message goes through
it once, so that none leaves that another's reader would refuse.

Source: *CloudEvents - Version 1.0.2*, and its extension *Sequence*.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import orjson
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.v1.event import CloudEvent

from coworker_pipelines.activities.message import SEQUENCE_DIGITS
from coworker_pipelines.activities.store import Numbered
from coworker_pipelines.kernel.errors import DefectError

MEDIA_TYPE: Final = "application/cloudevents+json"


def exported_line(message: Numbered) -> bytes:
    """The message as a line of its own: a CloudEvent with its ``sequence``, names sorted.

    Raises:
        DefectError: the package does not take it for a CloudEvent.
    """
    event = numbered_event(message)
    cloud_event_of(event)
    return orjson.dumps(event, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def numbered_event(message: Numbered) -> dict[str, Any]:
    """The event, and its place in the order of its connection, if it has one."""
    if message.sequence is None:
        return message.event
    return {**message.event, "sequence": sequence_text(message.sequence)}


def sequence_text(number: int) -> str:
    return f"{number:0{SEQUENCE_DIGITS}d}"


def cloud_event_of(event: Mapping[str, Any]) -> CloudEvent:
    """The package's own object. Where there is no time it takes this moment for one.

    Raises:
        DefectError: it is no CloudEvent.
    """
    attributes = {name: value for name, value in event.items() if name != "data"}
    try:
        if "time" in attributes:
            attributes["time"] = datetime.fromisoformat(attributes["time"])
        return CloudEvent(attributes, event.get("data"))
    except (CloudEventValidationError, TypeError, ValueError) as error:
        raise DefectError(f"The activity {event.get('id')} is no CloudEvent.") from error
