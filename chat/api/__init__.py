"""REST for conversations, one resource a module."""
