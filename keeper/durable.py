"""Makes a tree that was just written durable."""

import os
import stat

from contents import open_regular
from errors import KeeperError
from folders import open_folder
from walk import Limits, walk

# Above this many files one flush of the whole file system is cheaper.
_ONE_BY_ONE = 48


def flush(path):
    count = 0
    root = open_folder(path)
    for node in walk(root, Limits(depth=8_192)):
        count += 1
        if count > _ONE_BY_ONE:
            _flush_file_system(path)
            return
        _flush_node(node, root)


def _flush_node(node, root):
    if node.folder is None:
        os.fsync(root)
    elif stat.S_ISREG(node.status.st_mode):
        fd = open_regular(node.folder, node.name)
        if fd is not None:
            os.fsync(fd)
            os.close(fd)
    elif stat.S_ISDIR(node.status.st_mode):
        fd = os.open(node.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=node.folder)
        os.fsync(fd)
        os.close(fd)


def _flush_file_system(path):
    import ctypes

    fd = open_folder(path)
    try:
        # Python has no syncfs.
        library = ctypes.CDLL(None, use_errno=True)
        if library.syncfs(fd) != 0:
            raise KeeperError("failed", f"syncfs: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(fd)
