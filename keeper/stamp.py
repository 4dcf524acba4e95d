"""layer.stamp: whether anything in a session's layers has changed, told without reading a file."""

import os

import checks
from store import open_upper
from walk import Limits, walk


def stamp(connection, request):
    """
    A digest over every entry's place, inode, mode, size and ctime, and how many entries there are. Nobody inside can set a
    ctime, so two stamps are the same only when nothing was written between them.
    """
    import hashlib

    fields = checks.take(request, {"session": checks.session_id, "layers": checks.layer_names})
    digest = hashlib.sha256()
    entries = 0
    for layer in fields["layers"]:
        digest.update(f"{layer}\0".encode())
        for node in walk(open_upper(connection.store, fields["session"], layer), Limits()):
            status = node.status
            known = (status.st_ino, status.st_mode, status.st_size, status.st_ctime_ns)
            digest.update(b"%s\0%d %d %d %d\0" % (os.fsencode(node.path), *known))
            entries += 1 if node.path else 0
    return {"stamp": digest.hexdigest(), "entries": entries}
