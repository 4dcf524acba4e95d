"""Files of several names, while their layer is saved: the copy has the same names for one file."""

from errors import KeeperError

# What is held for files some of whose names were not met yet.
_MAX_OPEN = 200_000
_DIGESTS = ("sha256", "sparse256")


def digest_of(entry):
    return {key: entry[key] for key in _DIGESTS if key in entry}


class Groups:
    def __init__(self):
        self._open = {}
        self._last = 0

    def find(self, status):
        """The number and the digest of the file when one of its names was saved already."""
        if status.st_nlink < 2:
            return None
        return self._open.get((status.st_dev, status.st_ino))

    def begin(self, status, entry):
        """Gives a file its number at its first name."""
        if len(self._open) >= _MAX_OPEN:
            raise KeeperError("limit", "too many files have several names")
        self._last += 1
        self._open[status.st_dev, status.st_ino] = [self._last, digest_of(entry), status.st_nlink - 1]
        return self._last

    def met(self, status):
        """Counts one more of its names; true when it was the last one."""
        group = self._open[status.st_dev, status.st_ino]
        group[2] -= 1
        if group[2] > 0:
            return False
        del self._open[status.st_dev, status.st_ino]
        return True
