"""Starts an application's code by the program that people start it by: to look, and on `go` to upgrade.

Usage: signoff_run.py PROGRAM, in the folder where a person would start it. Descriptor 3 is a socket to Signoff. Its first
line is the request: `arguments` of the program, `config`, `limits`, `backends` of earlier upgrades. We answer by
lines of JSON: what happens meanwhile, and last `looked`. Then `go` makes it upgrade; the end of the socket ends it.
Descriptor 4 takes what is printed while looking.

Look and upgrade run in a process each, forked from this one, which has the libraries loaded and nothing of the application:
the upgrade finds no module, no connection and no handler that the look has left. Both have the same arguments, environment
and parent, so env.py can't tell them apart by these. Programs that the application starts don't inherit the pipe. Its own
code in the same process could write to it: this keeps an application's prints from being taken for answers, not an
application that wants to lie.
"""

import gc
import json
import os
import select
import signal
import sys
import time

from signoff_application import become
from signoff_look import look
from signoff_upgrade import upgrade

# How long the look's process may take to end once it has answered.
END_WITHIN_S = 2


class Report:
    def __init__(self, descriptor):
        self.descriptor = descriptor

    def tell(self, about):
        send(self.descriptor, json.dumps(about).encode('ascii') + b'\n')


def send(descriptor, data):
    while data:
        data = data[os.write(descriptor, data):]


def receive_line(descriptor):
    line = b''
    while not line.endswith(b'\n'):
        more = os.read(descriptor, 65536)
        if not more:
            return b''
        line += more
    return line


def load_libraries(program):
    """What alembic itself loads before it reads anything of the application; most of the time of a start."""
    try:
        if os.path.basename(program).startswith('flask'):
            import flask.cli
        import alembic.config
        import sqlalchemy.event
    except ImportError:
        # The program says so in its own words.
        pass


def main():
    program = sys.argv[1]
    pipe, printed = 3, 4
    for descriptor in (pipe, printed):
        os.set_inheritable(descriptor, False)
    asked = receive_line(pipe)
    if not asked:
        return
    request = json.loads(asked.decode('utf-8'))
    become(program, request['arguments'])
    # A look is over within a second, a third of which would be spent on looking for garbage.
    gc.disable()
    load_libraries(program)
    if hasattr(gc, 'freeze'):
        gc.freeze()  # What is frozen is not looked through at the end either.

    pid, told = fork(pipe, printed, printed)
    if pid == 0:
        told.tell({'looked': look(program, request, told)})
        return
    answered = forward(told, pid, pipe, until=b'{"looked"')
    ended = end(pid)
    if not answered:
        Report(pipe).tell({'died': ended})
        leave(1)
    if receive_line(pipe) != b'go\n':
        leave(0)
    send(pipe, b'{"upgrading": true}\n')
    pid, told = fork(pipe, printed)
    if pid == 0:
        gc.enable()
        upgrade(program, request, told)
        return
    forward(told, pid, pipe)
    leave(os.waitpid(pid, 0)[1])


def fork(pipe, printed, output=None):
    """A child as `(0, its report)`, or to the parent `(pid, the end to read of it)`."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid != 0:
        os.close(writing)
        return pid, reading
    os.close(reading)
    os.close(pipe)
    if output is not None:
        os.dup2(output, 1)
        os.dup2(output, 2)
    os.close(printed)
    return 0, Report(writing)


def forward(reading, pid, pipe, until=None):
    """Passes on what a child tells, to its end or to the line that begins so, and says whether that line came."""
    rest = b''
    while True:
        ready = select.select([reading], [], [], 0.2)[0]
        if not ready:
            # A process that the child left behind may hold its end open.
            if has_ended(pid) and not select.select([reading], [], [], 0)[0]:
                return False
            continue
        more = os.read(reading, 1 << 20)
        if not more:
            return False
        lines = (rest + more).split(b'\n')
        rest = lines.pop()
        for line in lines:
            send(pipe, line + b'\n')
            if until is not None and line.startswith(until):
                os.close(reading)
                return True


def has_ended(pid):
    """Leaves its exit to be read."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def end(pid):
    """Waits for the look's process, ends it if something in it does not, and says how it ended."""
    over = time.time() + END_WITHIN_S
    while time.time() < over:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended == pid:
            return 'signal %d' % os.WTERMSIG(status) if os.WIFSIGNALED(status) else 'code %d' % os.WEXITSTATUS(status)
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return 'signal %d' % signal.SIGKILL


def leave(status):
    """Ends as the child has ended."""
    if os.WIFSIGNALED(status):
        if os.WTERMSIG(status) != signal.SIGKILL:
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status))


if __name__ == '__main__':
    main()
