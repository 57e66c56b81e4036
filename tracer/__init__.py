"""The append-only stream of events, and who is told of it. Knows nothing of ours."""
