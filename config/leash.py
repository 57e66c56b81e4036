"""Run a program that ends when its parent does, even if the parent is killed.

`python leash.py PARENT_PID PROGRAM …` asks the kernel for a signal at the parent's death and
becomes the program. Where the kernel can't (it is Linux's), the program just runs.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def tie(parent: int | None = None) -> None:
    """Have this process end with its parent.

    Args:
        parent: Its number; by default the one that is the parent now.
    """
    parent = os.getppid() if parent is None else parent
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit(1)  # it has died in the meantime


def main() -> None:
    """Tie this process to its parent, then become the program."""
    tie(int(sys.argv[1]))
    program = sys.argv[2:]
    os.execvp(program[0], program)  # noqa: S606  (the supervisor's own list)


if __name__ == "__main__":
    main()
