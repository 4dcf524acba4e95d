"""Removes trees of any shape. What goes is first renamed into the trash, so that a killed removal is finished by the next."""

import errno
import fcntl
import os

from folders import FOLDER, open_folder

_AT_ONCE = 4_096


def trash_folder(store):
    return f"{store}/trash"


def new_place(store, session):
    """A free name in the trash that says whose it is."""
    folder = trash_folder(store)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return f"{folder}/{session}.{os.urandom(8).hex()}"


def new_draft(store, session):
    """A new folder in the trash with a lock on it, so that nobody who empties the trash takes it: (path, descriptor)."""
    while True:
        path = new_place(store, session)
        os.mkdir(path, 0o700)
        try:
            fd = open_folder(path)
        except FileNotFoundError:
            continue
        fcntl.flock(fd, fcntl.LOCK_EX)
        if _is_there(fd, path, None):
            return path, fd
        os.close(fd)


def _is_there(fd, name, folder):
    """Whether the open folder still has that name: while we waited for its lock, a draft may have become a session."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(name, dir_fd=folder, follow_symlinks=False))
    except FileNotFoundError:
        return False


def throw_away(store, session, path):
    """Renames into the trash; false when there was nothing."""
    try:
        os.rename(path, new_place(store, session))
    except FileNotFoundError:
        return False
    return True


def holds(store, session):
    """Whether something of the session still waits in the trash."""
    return any(name.partition(".")[0] == session for name in _names(store))


def _names(store):
    try:
        return os.listdir(trash_folder(store))
    except FileNotFoundError:
        return []


def empty(store, session):
    """Removes what is the session's, and what killed removals of others left."""
    names = _names(store)
    if not names:
        return
    trash = open_folder(trash_folder(store))
    try:
        for name in sorted(names, key=lambda each: each.partition(".")[0] != session):
            _remove(trash, name, wait=name.partition(".")[0] == session)
    finally:
        os.close(trash)


def _remove(trash, name, wait):
    try:
        fd = os.open(name, FOLDER, dir_fd=trash)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        _ignore_missing(os.unlink, name, trash)
        return
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if not _is_there(fd, name, trash):
            return
        _clear(fd)
    finally:
        os.close(fd)
    _ignore_missing(os.rmdir, name, trash)


def _ignore_missing(remove, name, folder):
    try:
        remove(name, dir_fd=folder)
    except FileNotFoundError:
        pass


def _clear(root):
    """
    Empties a folder. Folders inside are moved up to it before they are emptied, so that neither depth nor the length of a
    path matters, two descriptors are enough, and nothing has to be remembered.
    """
    moved = _Mover(root)
    while True:
        folders = _unlink_files(root)
        if not folders:
            return
        for name in folders:
            _remove_flat(root, name, moved)


def _remove_flat(root, name, moved):
    fd = os.open(name, FOLDER, dir_fd=root)
    try:
        while True:
            inner = _unlink_files(fd)
            if not inner:
                break
            for each in inner:
                moved.up(fd, each)
    finally:
        os.close(fd)
    os.rmdir(name, dir_fd=root)


class _Mover:
    def __init__(self, root):
        self._root = root
        self._prefix = os.urandom(6).hex()
        self._number = 0

    def up(self, folder, name):
        while True:
            self._number += 1
            try:
                os.rename(name, f"{self._prefix}{self._number}", src_dir_fd=folder, dst_dir_fd=self._root)
                return
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise


def _unlink_files(folder):
    """Removes everything but folders, of which it gives the first few thousand names."""
    folders = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
                if len(folders) >= _AT_ONCE:
                    break
            else:
                os.unlink(entry.name, dir_fd=folder)
    return folders
