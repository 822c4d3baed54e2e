"""The access explorer in the console (PDP-4): each question has an address of its own, to be kept and sent."""

from iam_dashboard.explorer.pages import ExplorerPages

__all__ = ["ExplorerPages"]
