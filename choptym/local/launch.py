"""Become one process of the local stack: change user, be tied to the runner, let others go first, run the command.

Started by path (`python -I -S launch.py …`), so it costs 20 ms and loads nothing of ours. The usual
`preexec_fn` would run Python between fork and exec in a program with threads, which can hang and
which Python 3.12 warns about.
"""

import ctypes
import os
import sys
import time

PR_SET_PDEATHSIG = 1
# Where there is such a file, the kernel shares the CPU out among sessions, and asks for niceness only within one.
AUTOGROUP = "/proc/self/autogroup"
AUTOGROUP_TRIES, AUTOGROUP_SECONDS = 40, 0.05


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


def let_others_first(nice: int) -> None:
    """Take what is left of a busy machine: so much nicer than the runner, as a process and as the session it leads.

    Anybody may become nicer. Of all ordinary users together one may tell of a session every tenth of a second.
    """
    if not nice:
        return
    told = os.nice(nice)
    for _ in range(AUTOGROUP_TRIES):
        try:
            with open(AUTOGROUP, "w") as file:  # noqa: PTH123 - pathlib takes longer to load than all this
                file.write(str(told))
        except BlockingIOError:
            time.sleep(AUTOGROUP_SECONDS)
        except OSError:  # no such file: processes are all that is shared out among
            return
        else:
            return


def main() -> None:
    parent, death_signal, user, nice, *command = sys.argv[1:]
    change_user(user)
    die_with_parent(int(parent), int(death_signal))
    let_others_first(int(nice))
    # Not execvp: it imports a module, and the new user may not be able to read where Python lives.
    os.execv(command[0], command)  # noqa: S606 - becoming another program is the purpose


if __name__ == "__main__":
    main()
