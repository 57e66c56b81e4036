"""Tools: typed functions with a docstring that a model can call."""

from agents.tools.context import ToolContext
from agents.tools.definition import Tool, tool

__all__ = ["Tool", "ToolContext", "tool"]
