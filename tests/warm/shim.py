"""Asks the template (see tests/warm) for a fork that runs this program, and ends as the fork ends."""

import os
import sys

import _signal
import _socket

REAL = ""
FORWARDED = (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP, _signal.SIGQUIT, _signal.SIGUSR1, _signal.SIGUSR2)


def asked() -> tuple[_socket.socket, int]:
    """The connection to the template, and the fork's process id."""
    mask = os.umask(0)
    os.umask(mask)
    words = [REAL, *sys.argv[1:]]
    values = [os.fsencode(one) for one in (os.getcwd(), str(mask), str(len(words)), *words)]
    values += [name + b"=" + value for name, value in os.environb.items()]
    message = b"\0".join(values)
    template = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    template.connect(os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), "socket"))
    files = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
    rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)]
    head = len(message).to_bytes(4, "big")
    template.sendmsg([head], rights)
    template.sendall(message)
    told = template.recv(4)
    if len(told) < 4:
        raise OSError("no fork")
    return template, int.from_bytes(told, "big")


def main() -> None:
    try:
        template, process = asked()
    except OSError:
        os.execv(REAL, [REAL, *sys.argv[1:]])
    for number in FORWARDED:
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, lambda number, _: os.kill(process, number))
    told = b""
    while len(told) < 4:
        piece = template.recv(4 - len(told))
        if not piece:
            os._exit(70)
        told += piece
    status = int.from_bytes(told, "big")
    if os.WIFSIGNALED(status):
        _signal.signal(os.WTERMSIG(status), _signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status))


main()
