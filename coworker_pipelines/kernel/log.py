"""Logs are events with ids: no payload, no secret, no name of a person.

``log.info("segment_stored", connection=..., documents=...)`` writes one line of
``key=value`` pairs through the standard library, so that Dagster's and pytest's
captures see it.
"""

import logging
from typing import Any

import structlog


def get_logger(name: str) -> Any:
    """A logger whose methods take an event's name and its ids as keywords."""
    return structlog.wrap_logger(
        logging.getLogger(name),
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ],
    )
