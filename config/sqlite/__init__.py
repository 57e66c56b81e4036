"""Django's backend for SQLite, with a pool."""
