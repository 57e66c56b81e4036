"""Agents in the admin, one record a module."""

from agents.admin import agent, mcp_server

__all__ = ["agent", "mcp_server"]
