"""Skills: folders with a SKILL.md that tell an agent how something is done (Agent Skills)."""

from agents.skills.loader import Broken, Found, Skill, find

__all__ = ["Broken", "Found", "Skill", "find"]
