"""Conversations: threads, messages, runs, and the one entrance for every channel."""
