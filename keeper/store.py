"""Where everything lies in the store."""

import fcntl
import json
import os

from errors import KeeperError
from folders import open_folder

# On each layer's folder: an attribute that only those can read who can read the overlay's own.
PROOF = "trusted.airlock"


def sessions_folder(store):
    return f"{store}/sessions"


def session_folder(store, session):
    return f"{store}/sessions/{session}"


class Hold:
    """
    Keeps other connections from changing the session's layers and snapshots at the same time: two that finished the same
    restore would throw the new layers away. A killed holder lets go. May be nested.
    """

    _held = set()

    def __init__(self, store, session):
        self._folder = session_folder(store, session)
        self._fd = None

    def __enter__(self):
        if self._folder not in Hold._held:
            try:
                self._fd = open_folder(self._folder)
            except FileNotFoundError:
                raise KeeperError("not_found", "the store has no such session") from None
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            Hold._held.add(self._folder)

    def __exit__(self, *_):
        if self._fd is not None:
            Hold._held.discard(self._folder)
            os.close(self._fd)


def existing_session(store, session):
    """The session's folder, with a restore that was interrupted finished."""
    folder = session_folder(store, session)
    if not os.path.isdir(folder):
        raise KeeperError("not_found", f"the store has no session {session}")
    if os.path.exists(f"{folder}/restore.json"):
        import restore

        with Hold(store, session):
            restore.finish(store, session)
    return folder


def layer_folder(store, session, layer):
    folder = f"{existing_session(store, session)}/layers/{layer}"
    if not os.path.isdir(folder):
        raise KeeperError("not_found", f"session {session} has no layer {layer}")
    return folder


def snapshot_folder(store, session, snapshot):
    folder = f"{existing_session(store, session)}/snapshots/{snapshot}"
    if not os.path.isdir(folder):
        raise KeeperError("not_found", f"session {session} has no snapshot {snapshot}")
    return folder


def lower_of(store, session):
    """The snapshots that lie below a fork's layers, from the top down; none when it is no fork."""
    try:
        with open(f"{session_folder(store, session)}/lower.json", "rb") as file:
            return json.load(file)
    except FileNotFoundError:
        return []


def require_unused(store, session, snapshot=None):
    """Refuses to go on when a fork lies on the session's snapshot, or on any of them. The caller holds the session."""
    for name in sorted(os.listdir(sessions_folder(store))):
        for each in lower_of(store, name):
            if each["session"] == session and snapshot in (None, each["snapshot"]):
                raise KeeperError("in_use", f"the fork {name} needs the snapshot {each['snapshot']} of {session}")


def open_upper(store, session, layer):
    """The layer's upper folder, when the overlay's attributes can be read: without them, deletions would be overlooked."""
    folder = layer_folder(store, session, layer)
    prove_attributes(folder)
    return open_folder(f"{folder}/upper")


def mark_layer(folder):
    try:
        os.setxattr(folder, PROOF, b"1")
    except OSError as error:
        raise KeeperError("no_permission", f"the overlay's attributes cannot be written: {error.strerror}") from None


def prove_attributes(folder):
    # Without CAP_SYS_ADMIN the kernel says "no such attribute" instead of "not permitted", so one is read that must be there.
    try:
        value = os.getxattr(folder, PROOF)
    except OSError as error:
        raise KeeperError("no_permission", f"the overlay's attributes cannot be read: {error.strerror}") from None
    if value != b"1":
        raise KeeperError("no_permission", "the overlay's attributes cannot be read")


def write_file(path, content, durable):
    """Replaces a small file of the store in one step."""
    temporary = f"{path}.new"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(fd, rest):]
        if durable:
            os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(temporary, path)
    if durable:
        sync_folder(os.path.dirname(path))


def sync_folder(path):
    fd = open_folder(path)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
