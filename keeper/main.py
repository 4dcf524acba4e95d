"""The keeper: reads and writes layers on the engine's side, asked over stdin and stdout, or over a socket (server.py)."""

import os
import sys

# An isolated Python does not look beside the program.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from errors import bad_request, describe  # noqa: E402
from frames import BrokenStream, FrameReader, FrameWriter  # noqa: E402

VERSION = 1

# Modules are loaded when first asked for: most connections ask for one thing.
OPERATIONS = {
    "session.create": ("sessions", "create"),
    "session.record": ("sessions", "record"),
    "session.list": ("sessions", "list_all"),
    "session.exists": ("sessions", "exists"),
    "session.delete": ("sessions", "delete"),
    "layer.list": ("listing", "list_layer"),
    "layer.hash": ("contents", "hash_files"),
    "layer.read": ("contents", "read_file"),
    "layer.fetch": ("fetching", "fetch"),
    "layer.heads": ("contents", "read_heads"),
    "layer.mask": ("masks", "add"),
    "layer.reset": ("restore", "reset"),
    "layer.stamp": ("stamp", "stamp"),
    "base.put": ("bases", "put"),
    "snapshot.create": ("snapshots", "create"),
    "snapshot.list": ("snapshots", "list_all"),
    "snapshot.verify": ("snapshots", "verify"),
    "snapshot.restore": ("restore", "restore"),
    "snapshot.delete": ("snapshots", "delete"),
    "usage": ("usage", "usage"),
    "usage.saved": ("usage", "saved"),
    "watch": ("usage", "watch"),
}


class Connection:
    """What an operation works with: the store's folder and the two ends of the stream."""

    def __init__(self, store, reader, writer):
        self.store = store
        self.reader = reader
        self.writer = writer


def hello(_connection, request):
    if set(request) != {"op"}:
        raise bad_request("hello has no fields")
    return {"version": VERSION}


def find_operation(name):
    if name == "hello":
        return hello
    if not isinstance(name, str) or name not in OPERATIONS:
        raise bad_request("unknown op")
    module, function = OPERATIONS[name]
    return getattr(__import__(module), function)


def answer(connection, request):
    try:
        result = find_operation(request.get("op"))(connection, request)
    except (BrokenStream, BrokenPipeError):
        raise
    except Exception as error:  # every failure is an answer, the connection goes on
        connection.writer.error(*describe(error))
    else:
        connection.writer.done(result)


def leave_when_abandoned(fd):
    """Ends the process when the other side closes stdin, whatever the main thread is doing."""
    import select

    poll = select.poll()
    # Data is the main thread's: only the hang-up is waited for.
    poll.register(fd, select.POLLRDHUP)
    poll.poll()
    os._exit(0)


def serve(connection):
    while True:
        try:
            request = connection.reader.read_message()
        except BrokenStream:
            raise
        except Exception as error:
            connection.writer.error(*describe(error))
            continue
        if request is None:
            return
        answer(connection, request)


def converse(store, reader, writer):
    """Serves the connection on two descriptors, and ends the process with it."""
    import _thread

    if sys.getfilesystemencoding() != "utf-8":
        sys.exit("the keeper needs an UTF-8 locale")
    os.umask(0o077)
    connection = Connection(store, FrameReader(reader), FrameWriter(writer))
    _thread.start_new_thread(leave_when_abandoned, (reader,))
    try:
        serve(connection)
    except BrokenStream as error:
        connection.writer.error("bad_request", str(error))
        os._exit(2)
    except BrokenPipeError:
        pass
    os._exit(0)


if __name__ == "__main__":
    converse(sys.argv[1] if len(sys.argv) > 1 else "/store", 0, 1)
