"""Copies the content of files: by reflink where the file system can, else block by block with the holes kept."""

import errno
import fcntl
import os

from contents import pieces

_FICLONE = 0x40049409
_NO_REFLINK = (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM)
_SPARSE_BLOCK = 65_536
_WITH_HOLES = 1024 * 1024


def digest_kind(status):
    """
    A file that is mostly holes is hashed by the blocks that are not all zero, so that 8 TB of nothing cost nothing. The
    choice stands in the manifest; both digests depend on the content alone.
    """
    sparse = status.st_size > _WITH_HOLES and status.st_blocks * 512 < status.st_size // 2
    return "sparse256" if sparse else "sha256"


class _Sha256:
    def __init__(self):
        import hashlib

        self._digest = hashlib.sha256()

    def update(self, _at, piece):
        self._digest.update(piece)

    def finish(self, _size):
        return self._digest.hexdigest()


class _SparseSha256:
    """SHA-256 over (number, content) of each 64 KiB block that is not all zero, and the size at the end."""

    def __init__(self):
        import hashlib

        self._digest = hashlib.sha256()
        self._zeros = bytes(_SPARSE_BLOCK)

    def update(self, at, piece):
        for start in range(0, len(piece), _SPARSE_BLOCK):
            block = piece[start : start + _SPARSE_BLOCK]
            if block == self._zeros[: len(block)]:
                continue
            self._digest.update(((at + start) // _SPARSE_BLOCK).to_bytes(8, "big"))
            self._digest.update(block)

    def finish(self, size):
        self._digest.update(size.to_bytes(8, "big"))
        return self._digest.hexdigest()


def digest_file(fd, kind, size):
    """The digest of a file's first `size` bytes."""
    return _go_through(fd, None, kind, size)


def copy_file(source, target, kind, size):
    """Copies and gives the digest of what was read."""
    if _reflink(source, target):
        os.ftruncate(target, size)
        return _go_through(target, None, kind, size)
    digest = _go_through(source, target, kind, size)
    os.ftruncate(target, size)
    if os.fstat(source).st_size < size:
        # It became shorter meanwhile: the copy ends in zeros, and the digest is the copy's.
        return digest_file(target, kind, size)
    return digest


class _Reflinks:
    tried_in_vain = False


def _reflink(source, target):
    if _Reflinks.tried_in_vain:
        return False
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno not in _NO_REFLINK:
            raise
        _Reflinks.tried_in_vain = True
        return False
    return True


def _go_through(source, target, kind, size):
    digest = _SparseSha256() if kind == "sparse256" else _Sha256()
    for at, piece, is_hole in _parts(source, kind, size):
        digest.update(at, piece)
        if target is not None and not is_hole:
            _write(target, piece, at)
    return digest.finish(size)


def _parts(fd, kind, size):
    if kind == "sha256":
        at = 0
        for piece in pieces(fd, size):
            yield at, piece, _is_zero(piece)
            at += len(piece)
        return
    at = 0
    while at < size:
        start = _next_data(fd, at, size)
        if start is None:
            return
        # Blocks are counted from the beginning of the file, whatever the file system calls data.
        start -= start % _SPARSE_BLOCK
        end = min(size, _end_of_data(fd, max(start, at), size))
        end = min(size, -(-end // _SPARSE_BLOCK) * _SPARSE_BLOCK)
        at = max(start, at)
        while at < end:
            piece = os.pread(fd, min(1024 * 1024, end - at), at)
            if not piece:
                return
            yield at, memoryview(piece), False
            at += len(piece)


def _next_data(fd, at, size):
    try:
        return min(os.lseek(fd, at, os.SEEK_DATA), size)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return None
        raise


def _end_of_data(fd, at, size):
    try:
        at = os.lseek(fd, at, os.SEEK_DATA)
        return min(os.lseek(fd, at, os.SEEK_HOLE), size)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return size
        raise


def _is_zero(piece):
    # A block of zeros becomes a hole, which reads the same.
    return len(piece) >= _SPARSE_BLOCK and not any(piece[:64]) and piece.tobytes().count(0) == len(piece)


def _write(target, piece, at):
    rest = memoryview(piece)
    while rest:
        count = os.pwrite(target, rest, at)
        at += count
        rest = rest[count:]
