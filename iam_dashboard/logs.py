"""One JSON object a line on standard error, each with who acts and in which request."""

from __future__ import annotations

import logging

import structlog

from tenancy import context


def _who(_logger: object, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    entered = context.current()
    if entered is not None:
        event["request_id"] = entered.origin.request_id
        event["actor"] = str(entered.actor.user_id or entered.actor.label)
        event["organization"] = str(entered.actor.organization_id or "")
    return event


class JsonFormatter(structlog.stdlib.ProcessorFormatter):
    """Formats the records of structlog and of the standard library alike."""

    def __init__(self) -> None:
        shared: list[structlog.typing.Processor] = [
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _who,
        ]
        super().__init__(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )


logging.captureWarnings(True)
