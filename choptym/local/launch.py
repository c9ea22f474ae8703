"""Become one process of the local stack: change user, be tied to the runner, run the command.

Started by path (`python -I -S launch.py …`), so it costs 20 ms and loads nothing of ours. The usual
`preexec_fn` would run Python between fork and exec in a program with threads, which can hang and
which Python 3.12 warns about.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def change_user(user: str) -> None:
    """Give up root for `uid:gid`; `-` stays who we are."""
    if user == "-":
        return
    uid, gid = map(int, user.split(":"))
    os.setgroups([gid])
    os.setgid(gid)
    os.setuid(uid)


def die_with_parent(parent: int, death_signal: int) -> None:
    """Ask the kernel for `death_signal` when the runner goes, however it goes.

    After the change of user, which clears it. Elsewhere than on Linux the next start cleans up.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        sys.exit(1)


def main() -> None:
    parent, death_signal, user, *command = sys.argv[1:]
    change_user(user)
    die_with_parent(int(parent), int(death_signal))
    # Not execvp: it imports a module, and the new user may not be able to read where Python lives.
    os.execv(command[0], command)  # noqa: S606 - becoming another program is the purpose


if __name__ == "__main__":
    main()
