"""usage and watch: what a session's layers take on the disk, and what is left of it."""

import os
import stat

import checks
from folders import NOT_A_FOLDER, FolderStack
from store import existing_session, open_folder

# A layer of very many entries is looked at less often, so that the watch never takes more than this part of a processor.
_SHARE = 10


def usage(connection, request):
    fields = checks.take(request, {"session": checks.session_id})
    return measure(connection.store, fields["session"], None)


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
        found = measure(connection.store, fields["session"], fields["limitBytes"])
        found["exceeded"] = _exceeded(found, fields["limitBytes"], fields["reserveBytes"])
        connection.writer.message(found)
        sleep(max(interval, _SHARE * (monotonic() - began)))


def _exceeded(found, limit, reserve):
    if limit is not None and found["bytes"] > limit:
        return "limit"
    return "reserve" if reserve is not None and found["freeBytes"] < reserve else None


def measure(store, session, enough):
    """Allocated bytes and entries; counting stops soon after `enough` bytes."""
    folder = existing_session(store, session)
    layers = {}
    total = 0
    for name in sorted(os.listdir(f"{folder}/layers")):
        rest = None if enough is None else enough - total
        layers[name] = _measure_tree(f"{folder}/layers/{name}/upper", rest)
        total += layers[name]["bytes"]
    free = os.statvfs(folder)
    return {
        "bytes": total,
        "entries": sum(each["entries"] for each in layers.values()),
        "layers": layers,
        "freeBytes": free.f_bavail * free.f_frsize,
        "freeInodes": free.f_favail,
    }


def _measure_tree(path, enough):
    bytes_ = 0
    entries = 0
    with FolderStack(open_folder(path)) as stack:
        waiting = [_Level(stack.top)]
        while waiting:
            name = waiting[-1].next()
            if name is None or (enough is not None and bytes_ > enough):
                waiting.pop()
                if not waiting:
                    break
                stack.pop()
                continue
            try:
                status = os.stat(name, dir_fd=stack.top, follow_symlinks=False)
            except FileNotFoundError:
                continue
            entries += 1
            # Every name of a file with several counts for its part.
            bytes_ += status.st_blocks * 512 // (1 if stat.S_ISDIR(status.st_mode) else status.st_nlink or 1)
            if stat.S_ISDIR(status.st_mode) and _enter(stack, name):
                waiting.append(_Level(stack.top))
    return {"bytes": bytes_, "entries": entries}


class _Level:
    def __init__(self, folder):
        self._names = os.listdir(folder)

    def next(self):
        return self._names.pop() if self._names else None


def _enter(stack, name):
    try:
        stack.push(name)
    except OSError as error:
        if error.errno in NOT_A_FOLDER:
            return False
        raise
    return True
