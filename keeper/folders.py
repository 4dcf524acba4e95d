"""Ways through trees that others made: by descriptor, never through a symbolic link, as deep as it goes."""

import errno
import os

from errors import KeeperError

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Enough for three ways of 4,096 folders.
_WANTED = 3 * (4_096 + 64)


def _descriptors():
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(hard, _WANTED)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    # Three ways may be open at once: what is read, the copy of it, and the copy before that.
    return max(wanted // 3 - 64, 64)


# Descriptors held at most for one way down; above that, the way back up is "..", checked by device and inode. Who moves a
# folder while it is read can break only a way as deep as this.
_HELD = _descriptors()


def held_among(ways):
    """How many descriptors each of several ways may hold that are gone at once."""
    return max(2 * _HELD // ways, 64)


# What opening a name gives that is gone or is no folder (any more).
NOT_A_FOLDER = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class FolderStack:
    """The open folders from a root down to where we are. Takes the root's descriptor over."""

    def __init__(self, root, held=_HELD):
        self._held = held
        self._fds = [root]
        self._ids = [None]

    @property
    def top(self):
        return self._fds[-1]

    @property
    def depth(self):
        return len(self._fds) - 1

    def push(self, name):
        fd = os.open(name, FOLDER, dir_fd=self.top)
        self._fds.append(fd)
        status = os.fstat(fd)
        self._ids.append((status.st_dev, status.st_ino))
        far = len(self._fds) - 1 - self._held
        if far > 0 and self._fds[far] is not None:
            os.close(self._fds[far])
            self._fds[far] = None

    def enter(self, name):
        """Pushes it, unless it is gone or no folder (any more): a sandbox that runs may have taken it away meanwhile."""
        try:
            self.push(name)
        except OSError as error:
            if error.errno in NOT_A_FOLDER:
                return False
            raise
        return True

    def pop(self):
        child = self._fds.pop()
        self._ids.pop()
        try:
            if self._fds[-1] is None:
                self._fds[-1] = self._parent_of(child, self._ids[-1])
        finally:
            os.close(child)

    def pop_to(self, depth):
        while self.depth > depth:
            self.pop()

    @staticmethod
    def _parent_of(child, identity):
        parent = os.open("..", FOLDER, dir_fd=child)
        status = os.fstat(parent)
        if (status.st_dev, status.st_ino) == identity:
            return parent
        os.close(parent)
        raise KeeperError("failed", "a folder was moved while it was read")

    def close(self):
        for fd in self._fds:
            if fd is not None:
                os.close(fd)
        self._fds = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def open_folder(path):
    """A folder of the store itself."""
    return os.open(path, FOLDER)


def descend(root, parts):
    """The stack at the folder that `parts` name below `root`, whose descriptor it takes over."""
    stack = FolderStack(root)
    try:
        for name in parts:
            stack.push(name)
    except BaseException:
        stack.close()
        raise
    return stack


def by_descriptor(folder, name):
    """A path for calls that know no directory descriptor: only its last name is looked up, and never followed."""
    return f"/proc/self/fd/{folder}/{name}"
