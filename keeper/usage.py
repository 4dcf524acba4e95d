"""usage, usage.saved and watch: what a session takes on the disk, and what is left of it."""

import os
import stat

import checks
from errors import KeeperError
from folders import FolderStack
from store import existing_session, open_folder
from walk import MAX_DEPTH

# A layer of very many entries is looked at less often, so that the watch never takes more than this part of a processor.
_SHARE = 10
# Names of folders that wait to be looked into: more, or deeper, is a tree that no listing would take either.
_MAX_WAITING = 500_000


class _Uncountable(Exception):
    """A tree that is made so that it cannot be counted."""


def usage(connection, request):
    fields = checks.take(request, {"session": checks.session_id})
    found, whole = _measure(connection.store, fields["session"], None)
    if not whole:
        raise KeeperError("limit", "a layer has too many folders, too deep ones or ones that move")
    return found


def saved(connection, request):
    """What its snapshots and uploaded bases take. A file that several snapshots share counts once, a part in each."""
    fields = checks.take(request, {"session": checks.session_id})
    folder = existing_session(connection.store, fields["session"])
    # A name that begins with a dot is a snapshot that is still being made.
    snapshots = [name for name in _names_in(f"{folder}/snapshots") if not name.startswith(".")]
    return {
        "snapshots": _count_each(f"{folder}/snapshots", snapshots),
        "bases": _count_each(f"{folder}/base", _names_in(f"{folder}/base")),
    }


def _names_in(folder):
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


def _count_each(folder, names):
    found = {}
    for name in names:
        count = _Count(None)
        try:
            count.tree(f"{folder}/{name}")
        except _Uncountable:
            raise KeeperError("limit", f"{name} has too many folders, too deep ones or ones that move") from None
        except FileNotFoundError:
            # Removed meanwhile: it takes nothing.
            continue
        found[name] = {"bytes": count.bytes, "entries": count.entries}
    return found


def watch(connection, request):
    """Tells again and again until the other side closes stdin, which ends the process."""
    from time import monotonic, sleep

    fields = checks.take(
        request,
        {"session": checks.session_id, "intervalMs": checks.whole},
        {"limitBytes": checks.whole, "reserveBytes": checks.whole},
    )
    interval = max(fields["intervalMs"], 50) / 1000
    while True:
        began = monotonic()
        # What cannot be counted must not be a way round the limit.
        found, whole = _measure(connection.store, fields["session"], fields["limitBytes"])
        found["exceeded"] = _exceeded(found, fields["limitBytes"], fields["reserveBytes"]) if whole else "limit"
        connection.writer.message(found)
        sleep(max(interval, _SHARE * (monotonic() - began)))


def _exceeded(found, limit, reserve):
    if limit is not None and found["bytes"] > limit:
        return "limit"
    return "reserve" if reserve is not None and found["freeBytes"] < reserve else None


def _measure(store, session, enough):
    """Allocated bytes and entries, and whether all could be counted; counting stops soon after `enough` bytes."""
    folder = existing_session(store, session)
    layers = {}
    total = 0
    whole = True
    for name in sorted(os.listdir(f"{folder}/layers")):
        rest = None if enough is None else enough - total
        count = _Count(rest)
        try:
            count.tree(f"{folder}/layers/{name}/upper")
        except _Uncountable:
            whole = False
        layers[name] = {"bytes": count.bytes, "entries": count.entries}
        total += count.bytes
    free = os.statvfs(folder)
    found = {
        "bytes": total,
        "entries": sum(each["entries"] for each in layers.values()),
        "layers": layers,
        "freeBytes": free.f_bavail * free.f_frsize,
        "freeInodes": free.f_favail,
    }
    return found, whole


class _Count:
    """Counts one tree. Only the names of folders are held, and none but those on the way down."""

    def __init__(self, enough):
        self._enough = enough
        self._waiting = 0
        self.bytes = 0
        self.entries = 0

    def tree(self, path):
        with FolderStack(open_folder(path)) as stack:
            levels = [self._look(stack.top)]
            while not self._over():
                if not levels[-1]:
                    levels.pop()
                    if not levels:
                        return
                    _leave(stack)
                    continue
                self._waiting -= 1
                if _enter(stack, levels[-1].pop()):
                    levels.append(self._look(stack.top))

    def _over(self):
        return self._enough is not None and self.bytes > self._enough

    def _look(self, folder):
        """Counts what a folder holds; gives the names of the folders in it."""
        inner = []
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    self._add(entry.stat(follow_symlinks=False))
                    if entry.is_dir(follow_symlinks=False):
                        inner.append(entry.name)
                        self._waiting += 1
                except FileNotFoundError:
                    continue
                if self._over():
                    break
                if self._waiting > _MAX_WAITING:
                    raise _Uncountable
        return inner

    def _add(self, status):
        self.entries += 1
        # Every name of a file with several counts for its part.
        names = 1 if stat.S_ISDIR(status.st_mode) else status.st_nlink or 1
        self.bytes += status.st_blocks * 512 // names


def _enter(stack, name):
    if not stack.enter(name):
        return False
    if stack.depth > MAX_DEPTH:
        raise _Uncountable
    return True


def _leave(stack):
    try:
        stack.pop()
    except KeeperError:
        # A folder so deep that it is not held was moved meanwhile.
        raise _Uncountable from None
