"""Agents: a library that needs no web (runner, llm, tools), and the records of a project."""
