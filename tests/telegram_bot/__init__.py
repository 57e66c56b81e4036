"""Tests of the Telegram channel: real database, no second process."""
