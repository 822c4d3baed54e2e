"""The verbs on imports. Each checks the actor, changes the data, and leaves its record."""

from agents.actions.recover import DiscardForgotten, RequeueStranded
from agents.actions.run import RunImport, Sender
from agents.actions.start import CancelImport, StartImport, UploadImport

__all__ = [
    "CancelImport",
    "DiscardForgotten",
    "RequeueStranded",
    "RunImport",
    "Sender",
    "StartImport",
    "UploadImport",
]
