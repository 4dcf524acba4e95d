"""layer.fetch: the contents of many regular files in one answer, holes left out."""

import errno
import os

import checks
from contents import SOURCE_FIELDS, open_regular, source_of
from errors import KeeperError
from folders import FolderStack, NOT_A_FOLDER, open_folder
from frames import MAX_DATA

_GONE = (*NOT_A_FOLDER, errno.ENXIO, errno.ENAMETOOLONG)


class _Way:
    """The way down to the last path: the next one in tree order shares most of it."""

    def __init__(self, root):
        self._stack = FolderStack(open_folder(root))
        self._names = []

    def open(self, parts):
        """The descriptor of a regular file; None when there is none."""
        folders = parts[:-1]
        shared = 0
        while shared < min(len(folders), len(self._names)) and folders[shared] == self._names[shared]:
            shared += 1
        self._stack.pop_to(shared)
        del self._names[shared:]
        try:
            for name in folders[shared:]:
                self._stack.push(name)
                self._names.append(name)
            return open_regular(self._stack.top, parts[-1])
        except OSError as error:
            if error.errno in _GONE:
                return None
            raise

    def close(self):
        self._stack.close()


def _spans(fd, size):
    """(start, end) of what is not a hole, in order."""
    at = 0
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            if error.errno == errno.EINVAL:
                yield at, size
                return
            raise
        if start >= size:
            return
        end = min(os.lseek(fd, start, os.SEEK_HOLE), size)
        yield start, end
        at = end


def _send(writer, fd, size):
    at = 0
    for start, end in _spans(fd, size):
        if start > at:
            writer.queue_message({"hole": start - at})
        at = start
        while at < end:
            data = os.pread(fd, min(MAX_DATA, end - at), at)
            if not data:
                raise KeeperError("failed", "a file became shorter while it was read")
            writer.queue_data(data)
            at += len(data)
    if at < size:
        writer.queue_message({"hole": size - at})


def fetch(connection, request):
    fields = checks.take(
        request,
        {"session": checks.session_id, "layer": checks.layer_name, "paths": checks.array(checks.path_below)},
        SOURCE_FIELDS,
    )
    writer = connection.writer
    source = source_of(connection, fields)
    way = _Way(source.roots[0])
    try:
        for path in fields["paths"]:
            fd = way.open(checks.names(path)) if len(source.roots) == 1 else source.open(path)
            if fd is None:
                writer.queue_message({"path": path, "size": None})
                continue
            try:
                size = os.fstat(fd).st_size
                writer.queue_message({"path": path, "size": size})
                _send(writer, fd, size)
            finally:
                os.close(fd)
    finally:
        way.close()
    return {}
