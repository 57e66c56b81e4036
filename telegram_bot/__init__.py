"""The channel adapter for Telegram."""
