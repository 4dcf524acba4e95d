"""base.put: an uploaded base. The stream may be hostile: nothing is written but below the base's own folder."""

import os

import checks
from errors import KeeperError, bad_request
from folders import NOT_A_FOLDER, descend, open_folder
from frames import BrokenStream, parse_message
from store import layer_folder, session_folder

_MAX_DEPTH = 4_096
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_ENTRY = {"path": checks.names, "kind": checks.one_of("dir", "file", "symlink"), **checks.ATTRIBUTES}
_BY_KIND = {"dir": {}, "file": {"size": checks.whole}, "symlink": {"target": checks.link_target}}


class _Upload:
    """The frames of the upload. Whatever happens, they are read to their end, so that the connection goes on."""

    def __init__(self, reader):
        self._reader = reader
        self.over = False

    def _read(self):
        frame = self._reader.read()
        if frame is None:
            os._exit(0)
        return frame

    def next_entry(self):
        kind, payload = self._read()
        if kind != b"J":
            raise bad_request("data where an entry was expected")
        message = parse_message(payload)
        if message == {"end": True}:
            self.over = True
            return None
        return message

    def data(self, size):
        while size > 0:
            kind, payload = self._read()
            if kind != b"D" or len(payload) > size:
                self.over = self._ends(kind, payload)
                raise bad_request("a file's data are shorter or longer than its size")
            size -= len(payload)
            yield payload

    @staticmethod
    def _ends(kind, payload):
        return kind == b"J" and parse_message(payload) == {"end": True}

    def drain(self):
        while not self.over:
            kind, payload = self._read()
            try:
                self.over = self._ends(kind, payload)
            except KeeperError:
                continue


class _Target:
    """The way from the base's root to the folder that is being filled. Each folder gets its time when it is left."""

    def __init__(self, root):
        self._stack = descend(root, [])
        self._names = []
        self._times = [os.fstat(root).st_mtime_ns]

    def at(self, parents):
        while self._names != parents[: len(self._names)]:
            self._leave()
        for name in parents[len(self._names) :]:
            try:
                self._push(name)
            except OSError as error:
                if error.errno in NOT_A_FOLDER:
                    raise bad_request("an entry whose folder was not sent before it") from None
                raise
        return self._stack.top

    def _push(self, name):
        if len(self._names) >= _MAX_DEPTH:
            raise KeeperError("limit", f"more than {_MAX_DEPTH} folders deep")
        self._stack.push(name)
        self._names.append(name)
        self._times.append(os.fstat(self._stack.top).st_mtime_ns)

    def enter(self, name, entry):
        os.mkdir(name, 0o700, dir_fd=self._stack.top)
        self._push(name)
        self.set_folder(entry)

    def set_folder(self, entry):
        _own(self._stack.top, entry)
        self._times[-1] = entry["mtimeNs"]

    def _leave(self):
        self._set_time()
        self._names.pop()
        self._times.pop()
        self._stack.pop()

    def _set_time(self):
        os.utime(self._stack.top, ns=(self._times[-1], self._times[-1]))

    def finish(self):
        while self._names:
            self._leave()
        self._set_time()

    def close(self):
        self._stack.close()


def _own(fd, entry):
    os.fchown(fd, entry["uid"], entry["gid"])
    os.fchmod(fd, entry["mode"])


def put(connection, request):
    upload = _Upload(connection.reader)
    try:
        return _receive(connection, request, upload)
    except BrokenStream:
        raise
    except Exception as error:
        from errors import describe

        # Said at once: the other side need not send the rest of a base that cannot be kept.
        code, message = describe(error)
        connection.writer.message({"failed": {"code": code, "message": message[:4096]}})
        upload.drain()
        raise


def _receive(connection, request, upload):
    fields = checks.take(request, {"session": checks.session_id, "layer": checks.layer_name})
    layer_folder(connection.store, fields["session"], fields["layer"])
    session = session_folder(connection.store, fields["session"])
    target = _Target(open_folder(f"{session}/base/{fields['layer']}"))
    entries = 0
    total = 0
    try:
        while (message := upload.next_entry()) is not None:
            try:
                total += _write(target, message, upload)
            except FileExistsError:
                raise bad_request("an entry was sent twice") from None
            entries += 1
        target.finish()
    finally:
        target.close()
    return {"entries": entries, "bytes": total}


def _write(target, message, upload):
    kind = _ENTRY["kind"](message.get("kind"))
    entry = checks.take(message, {**_ENTRY, **_BY_KIND[kind]})
    if not entry["path"]:
        if kind != "dir":
            raise bad_request("the root is a folder")
        target.at([])
        target.set_folder(entry)
        return 0
    *parents, name = entry["path"]
    folder = target.at(parents)
    if kind == "dir":
        target.enter(name, entry)
    elif kind == "symlink":
        os.symlink(entry["target"], name, dir_fd=folder)
        os.chown(name, entry["uid"], entry["gid"], dir_fd=folder, follow_symlinks=False)
        _set_link_time(name, folder, entry["mtimeNs"])
    else:
        _write_file(folder, name, entry, upload)
    return entry.get("size", 0)


def _set_link_time(name, folder, time):
    os.utime(name, ns=(time, time), dir_fd=folder, follow_symlinks=False)


def _write_file(folder, name, entry, upload):
    fd = os.open(name, _CREATE, 0o600, dir_fd=folder)
    try:
        for payload in upload.data(entry["size"]):
            rest = memoryview(payload)
            while rest:
                rest = rest[os.write(fd, rest):]
        _own(fd, entry)
        os.utime(fd, ns=(entry["mtimeNs"], entry["mtimeNs"]))
    finally:
        os.close(fd)
