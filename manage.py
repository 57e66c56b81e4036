#!/usr/bin/env python3
"""Parley's commands: `python manage.py help`."""

import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def main() -> None:
    """Run one command; a wrong setting is one sentence."""
    from config.env import ConfigError  # noqa: PLC0415  (sets up Celery, which reads settings)

    try:
        execute_from_command_line(sys.argv)
    except ConfigError as error:
        sys.exit(f"parley: {error}")


if __name__ == "__main__":
    main()
