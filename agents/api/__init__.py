"""REST for agents and what they are made of."""
