"""The tools that come with Parley, one family a module."""

from agents.tools.builtin.calculator import calculator
from agents.tools.builtin.clock import current_datetime
from agents.tools.builtin.dates import resolve_date
from agents.tools.builtin.person import ask_user

BUILTIN = (ask_user, calculator, current_datetime, resolve_date)
