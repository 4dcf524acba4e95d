"""
The resident keeper: the first process of its container. Its modules are loaded once; each connection to its socket is served
by a process of its own, as each exec is. Where there is no socket to serve it only keeps the container open for execs.
"""

import os
import sys

# An isolated Python does not look beside the program.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import gc  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import struct  # noqa: E402
import time  # noqa: E402

from main import OPERATIONS, converse  # noqa: E402

NAME = "keeper.sock"
_WAITING = 128
_PAUSE = 0.1
_CREDENTIALS = struct.Struct("3i")


def open_socket(folder):
    """A socket in the folder, for the folder's owner alone. It gets its name last: under that name it always answers."""
    owner = os.stat(folder)
    draft = f"{folder}/.{NAME}.{os.urandom(4).hex()}"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(draft)
    try:
        os.chmod(draft, 0o600)
        os.chown(draft, owner.st_uid, owner.st_gid)
        listener.listen(_WAITING)
        os.rename(draft, f"{folder}/{NAME}")
    except BaseException:
        os.unlink(draft)
        raise
    return listener, owner.st_uid


def is_welcome(connection, owner):
    """Whether the other side is the folder's owner or root: the folder's and the socket's modes say so, too."""
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return _CREDENTIALS.unpack(found)[1] in (0, owner)


def serve_connection(listener, connection, store):
    """What the child does, to its end."""
    listener.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    fd = connection.detach()
    converse(store, fd, fd)


def accept_one(listener, owner, store):
    connection, _ = listener.accept()
    with connection:
        if is_welcome(connection, owner) and os.fork() == 0:
            try:
                serve_connection(listener, connection, store)
            finally:
                os._exit(1)


def serve(folder, store):
    listener, owner = open_socket(folder)
    # Everything is loaded and settled before the first fork: children share it.
    for module, _ in OPERATIONS.values():
        __import__(module)
    gc.freeze()
    while True:
        try:
            accept_one(listener, owner, store)
        except OSError:
            # Too many processes or descriptors for the moment: whoever was turned away takes an exec.
            time.sleep(_PAUSE)


def main(arguments):
    os.umask(0o077)
    # As the container's first process it has no default actions, and inherits what its execs leave behind.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    if arguments:
        try:
            serve(arguments[0], arguments[1] if len(arguments) > 1 else "/store")
        except OSError as error:
            sys.stderr.write(f"no socket: {error}\n")
    while True:
        signal.pause()


if __name__ == "__main__":
    main(sys.argv[1:])
