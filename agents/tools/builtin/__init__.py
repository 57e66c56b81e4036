"""The tools that come with Parley, one family a module."""

from agents.tools.builtin.calculator import calculator
from agents.tools.builtin.clock import current_datetime
from agents.tools.builtin.code import code_runner
from agents.tools.builtin.dates import resolve_date
from agents.tools.builtin.files import FILE_TOOLS
from agents.tools.builtin.memory import MEMORY_TOOLS
from agents.tools.builtin.person import ask_user, send_file, tell_user
from agents.tools.builtin.plan import TASK_TOOLS
from agents.tools.builtin.results import read_result
from agents.tools.builtin.web import WEB_TOOLS

BUILTIN = (
    ask_user,
    calculator,
    code_runner,
    current_datetime,
    read_result,
    resolve_date,
    send_file,
    tell_user,
    *FILE_TOOLS,
    *MEMORY_TOOLS,
    *TASK_TOOLS,
    *WEB_TOOLS,
)
