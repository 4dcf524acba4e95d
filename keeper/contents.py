"""layer.hash, layer.read and layer.heads: what regular files hold. Nothing else is ever opened."""

import errno
import os
import stat

import checks
from errors import KeeperError
from folders import NOT_A_FOLDER, descend, open_folder
from frames import MAX_DATA
from stacked import base_folder, layer_roots, open_stacked
from store import existing_session

# An apparent size costs nothing, reading it does.
MAX_HASHED = 64 * 1024**3
MAX_HEAD = 65_536
_BLOCK = 1024 * 1024
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_GONE = (*NOT_A_FOLDER, errno.ENXIO, errno.ENAMETOOLONG)


def open_regular(folder, name, seen=None):
    """
    The descriptor of a regular file; None when it is something else. Devices and FIFOs are not opened at all. `seen` is what
    was just found at the name.
    """
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False) if seen is None else seen
        if not stat.S_ISREG(found.st_mode):
            return None
        fd = os.open(name, _FILE, dir_fd=folder)
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    return None


def hash_node(node, limit=None):
    """SHA-256 of a walked file; None when it vanished or is above the limit."""
    fd = open_regular(node.folder, node.name)
    return None if fd is None else _hash_and_close(fd, MAX_HASHED if limit is None else limit)


def _hash_and_close(fd, limit):
    try:
        size = os.fstat(fd).st_size
        if size > limit:
            return None
        return hash_descriptor(fd, size)
    finally:
        os.close(fd)


def hash_descriptor(fd, size):
    """SHA-256 of the first `size` bytes: a file that grows all the time has an end too."""
    import hashlib

    digest = hashlib.sha256()
    for piece in pieces(fd, size):
        digest.update(piece)
    return digest.hexdigest()


def pieces(fd, size):
    """The content in blocks. The memory is used again for each."""
    buffer = memoryview(bytearray(min(_BLOCK, max(size, 1))))
    at = 0
    while at < size:
        count = os.preadv(fd, [buffer[: min(len(buffer), size - at)]], at)
        if count == 0:
            return
        yield buffer[:count]
        at += count


class Source:
    """The folders of a layer, its uploaded base or its part of a snapshot."""

    def __init__(self, store, session, layer, kind="layer", snapshot=None):
        if (kind == "snapshot") != (snapshot is not None):
            raise checks.bad_request("a snapshot is named for from=snapshot, and only then")
        folder = existing_session(store, session)
        self.roots = {
            "layer": lambda: layer_roots(store, session, layer),
            "base": lambda: [base_folder(store, session, layer)],
            "snapshot": lambda: [f"{folder}/snapshots/{snapshot}/layers/{layer}"],
        }[kind]()
        if not os.path.isdir(self.roots[0]):
            raise KeeperError("not_found", f"there is no {kind} of {layer}")

    def open(self, path):
        """The descriptor of a regular file; None when there is none at that path."""
        parts = checks.names(path)
        if len(self.roots) > 1:
            return open_stacked(self.roots, parts)
        try:
            with descend(open_folder(self.roots[0]), parts[:-1]) as stack:
                return open_regular(stack.top, parts[-1])
        except OSError as error:
            if error.errno in _GONE:
                return None
            raise


SOURCE_FIELDS = {"from": checks.one_of("layer", "base", "snapshot"), "snapshot": checks.snapshot_id}


def source_of(connection, fields):
    return Source(
        connection.store, fields["session"], fields["layer"], fields["from"] or "layer", fields["snapshot"]
    )


def hash_files(connection, request):
    fields = checks.take(
        request,
        {"session": checks.session_id, "layer": checks.layer_name, "paths": checks.array(checks.path_below)},
        {"maxBytes": checks.whole, **SOURCE_FIELDS},
    )
    source = source_of(connection, fields)
    limit = MAX_HASHED if fields["maxBytes"] is None else fields["maxBytes"]
    for path in fields["paths"]:
        fd = source.open(path)
        digest = None if fd is None else _hash_and_close(fd, limit)
        connection.writer.message({"path": path, "sha256": digest})
    return {}


def read_file(connection, request):
    fields = checks.take(
        request,
        {"session": checks.session_id, "layer": checks.layer_name, "path": checks.path_below},
        {"offset": checks.whole, "length": checks.whole, **SOURCE_FIELDS},
    )
    fd = source_of(connection, fields).open(fields["path"])
    if fd is None:
        raise KeeperError("not_found", "no regular file at that path")
    try:
        size = os.fstat(fd).st_size
        at = fields["offset"] or 0
        end = size if fields["length"] is None else min(size, at + fields["length"])
        while at < end:
            data = os.pread(fd, min(MAX_DATA, end - at), at)
            if not data:
                break
            connection.writer.data(data)
            at += len(data)
    finally:
        os.close(fd)
    return {"size": size}


def read_heads(connection, request):
    import binascii

    fields = checks.take(
        request,
        {
            "session": checks.session_id,
            "layer": checks.layer_name,
            "paths": checks.array(checks.path_below),
            "bytes": checks.at_most(MAX_HEAD),
        },
        SOURCE_FIELDS,
    )
    source = source_of(connection, fields)
    for path in fields["paths"]:
        fd = source.open(path)
        head = None
        if fd is not None:
            try:
                head = binascii.b2a_base64(os.pread(fd, fields["bytes"], 0), newline=False).decode("ascii")
            finally:
                os.close(fd)
        connection.writer.message({"path": path, "head": head})
    return {}
