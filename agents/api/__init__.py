"""REST for agents and what they are made of: one router to read, one for who may change them."""

from ninja import Router

from agents.api import agents, catalogue

read = Router()
read.add_router("", agents.read)
read.add_router("", catalogue.router)
manage = agents.manage

__all__ = ["manage", "read"]
