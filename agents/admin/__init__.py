"""Agents in the admin, one record a module."""

from agents.admin import agent

__all__ = ["agent"]
