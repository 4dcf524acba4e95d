"""snapshot.*: saved copies of a session's layers, each with a manifest that proves it whole."""

import errno
import os

import checks
import trash
from cloning import Target, clone_entry, describe, digest_entry
from contents import open_regular
from durable import flush
from errors import KeeperError
from folders import open_folder
from groups import Groups, digest_of
from manifest import ManifestReader, ManifestWriter, damaged
from previous import PreviousSnapshot
from store import Hold, existing_session, open_upper, require_unused, snapshot_folder, sync_folder
from walk import Limits, walk

# A file that changed this shortly before the snapshot may change again with the same times: it is copied the next time.
_UNSETTLED_NS = 2_000_000_000
# File systems allow some 65,000 names for one file.
_MAX_NAMES = 60_000


def create(connection, request):
    fields = checks.take(
        request,
        {"session": checks.session_id, "snapshot": checks.snapshot_id, "layers": checks.layer_names},
        {"previous": checks.snapshot_id},
    )
    with Hold(connection.store, fields["session"]):
        return _create(connection.store, fields)


def _create(store, fields):
    session = fields["session"]
    folder = f"{existing_session(store, session)}/snapshots"
    final = f"{folder}/{fields['snapshot']}"
    if os.path.exists(final):
        raise KeeperError("exists", f"session {session} has a snapshot {fields['snapshot']} already")
    discard_drafts(store, session, folder)
    draft = f"{folder}/.{fields['snapshot']}"
    try:
        os.makedirs(f"{draft}/links", mode=0o700)
        os.mkdir(f"{draft}/layers", 0o700)
        result = _save(store, fields, draft)
    except BaseException:
        trash.throw_away(store, session, draft)
        trash.empty(store, session)
        raise
    os.rename(draft, final)
    sync_folder(folder)
    return result


def discard_drafts(store, session, folder):
    """What a killed snapshot left."""
    for name in os.listdir(folder):
        if name.startswith("."):
            trash.throw_away(store, session, f"{folder}/{name}")
    trash.empty(store, session)


def _save(store, fields, draft):
    from time import time_ns

    manifest = ManifestWriter(f"{draft}/manifest.jsonl")
    links = open_folder(f"{draft}/links")
    groups = Groups()
    previous = PreviousSnapshot(f"{os.path.dirname(draft)}/{fields['previous']}") if fields["previous"] else None
    try:
        for layer in fields["layers"]:
            os.mkdir(f"{draft}/layers/{layer}", 0o700)
            upper = open_upper(store, fields["session"], layer)
            target = Target(open_folder(f"{draft}/layers/{layer}"), links)
            saver = _Saver(layer, target, manifest, groups, previous, time_ns() - _UNSETTLED_NS)
            saver.run(upper)
        for name in os.listdir(links):
            os.unlink(name, dir_fd=links)
    finally:
        os.close(links)
        if previous is not None:
            previous.close()
    os.rmdir(f"{draft}/links")
    flush(f"{draft}/layers")
    try:
        return manifest.seal()
    finally:
        manifest.close()


class _Saver:
    """Saves one layer."""

    def __init__(self, layer, target, manifest, groups, previous, settled_before):
        self._layer = layer
        self._target = target
        self._manifest = manifest
        self._groups = groups
        self._previous = previous
        self._settled_before = settled_before

    def run(self, upper):
        if self._previous is not None:
            self._previous.begin(self._layer)
        try:
            for node in walk(upper, Limits()):
                self._save(node, upper)
            self._target.finish()
        finally:
            self._target.close()

    def _save(self, node, upper):
        entry, pairs = describe(self._layer, node, upper)
        known = None if self._previous is None else self._previous.find(node.path)
        if entry["kind"] == "file":
            self._save_file(node, entry, pairs, known)
        else:
            clone_entry(self._target, node, entry, pairs)
        self._manifest.add(entry)

    def _save_file(self, node, entry, pairs, known):
        status = node.status
        if status.st_ctime_ns < self._settled_before:
            entry["ino"] = str(status.st_ino)
            entry["ctimeNs"] = str(status.st_ctime_ns)
        group = self._groups.find(status)
        if group is not None:
            self._link_to_first(node, entry, group)
            return
        if not self._link_to_previous(node, entry, known):
            clone_entry(self._target, node, entry, pairs)
        if status.st_nlink > 1:
            entry["link"] = self._groups.begin(status, entry)
            self._target.keep(node, entry["link"])

    def _link_to_first(self, node, entry, group):
        number, digest, _ = group
        if self._groups.met(node.status):
            self._target.take_kept(node, number)
        else:
            self._target.link_kept(node, number)
        entry.update(digest)
        entry["link"] = number

    def _link_to_previous(self, node, entry, known):
        if known is None or "ctimeNs" not in entry or not _is_same(entry, known):
            return False
        source = self._previous.open_folder(self._layer, node.path)
        if source is None:
            return False
        try:
            fd = open_regular(source, node.name)
            if fd is None:
                return False
            there = os.fstat(fd)
            os.close(fd)
            # All names of the file must find room, or it would fall into two.
            if there.st_size != node.status.st_size or there.st_nlink + node.status.st_nlink > _MAX_NAMES:
                return False
            self._target.link(node, source, node.name)
        except OSError as error:
            if error.errno in (errno.EMLINK, errno.EPERM, errno.EXDEV):
                return False
            raise
        finally:
            os.close(source)
        entry.update(digest_of(known))
        return True


_SAME = ("kind", "mode", "uid", "gid", "size", "mtimeNs", "ctimeNs", "ino", "attributes")


def _is_same(entry, known):
    return all(entry.get(key) == known.get(key) for key in _SAME) and ("sha256" in known or "sparse256" in known)


def list_all(connection, request):
    fields = checks.take(request, {"session": checks.session_id})
    names = os.listdir(f"{existing_session(connection.store, fields['session'])}/snapshots")
    return {"snapshots": sorted((name for name in names if not name.startswith(".")), key=lambda name: int(name[1:]))}


def verify(connection, request):
    fields = checks.take(
        request,
        {"session": checks.session_id, "snapshot": checks.snapshot_id},
        {"manifestSha256": checks.sha256_hex},
    )
    folder = snapshot_folder(connection.store, fields["session"], fields["snapshot"])

    def check_content(node, _entry, how, _pairs):
        return None if how is None else digest_entry(node, how)

    return go_through(folder, lambda _layer: check_content, fields["manifestSha256"])


def go_through(folder, open_layer, expected=None):
    """
    Goes along a snapshot and its manifest in step and compares everything. `open_layer` gives, for each layer, what to do
    with each entry: it is called with (node, entry, kind of digest or None, attributes) and gives the digest.
    """
    if os.stat(folder).st_uid != os.geteuid():
        raise damaged("the snapshot belongs to somebody else")
    manifest = ManifestReader(f"{folder}/manifest.jsonl")
    try:
        seen = set()
        while (first := manifest.peek()) is not None:
            layer = first["layer"]
            if layer in seen:
                raise damaged("a layer is twice in the manifest")
            seen.add(layer)
            _compare_layer(folder, layer, manifest, open_layer(layer))
        if seen != set(os.listdir(f"{folder}/layers")):
            raise damaged("there are layers that the manifest does not name")
        summary = manifest.finish()
    finally:
        manifest.close()
    if expected is not None and summary["manifestSha256"] != expected:
        raise damaged("the manifest is not the one that was made")
    return summary


def _compare_layer(folder, layer, manifest, visit):
    try:
        root = open_folder(f"{folder}/layers/{layer}")
    except OSError:
        raise damaged(f"the layer {layer} is missing") from None
    inodes = {}
    for node in walk(root, Limits()):
        known = manifest.next()
        found, pairs = describe(layer, node, root)
        if known is None or known["layer"] != layer or known["path"] != node.path or known["kind"] != found["kind"]:
            raise damaged(f"an entry is missing or one too many at {node.path[:200]!r}")
        how = ("sparse256" if "sparse256" in known else "sha256") if known["kind"] == "file" else None
        content = visit(node, known, how, pairs)
        digest = {} if how is None else {how: content}
        extra = {key: known[key] for key in ("link", "ino", "ctimeNs") if key in known}
        if {**found, **digest, **extra} != known:
            raise damaged(f"{node.path[:200]!r} is not what it was")
        if "link" in known and inodes.setdefault(known["link"], node.status.st_ino) != node.status.st_ino:
            raise damaged(f"{node.path[:200]!r} is no longer the same file as its other names")
    following = manifest.peek()
    if following is not None and following["layer"] == layer:
        raise damaged(f"{following['path'][:200]!r} is missing")


def delete(connection, request):
    fields = checks.take(request, {"session": checks.session_id, "snapshot": checks.snapshot_id})
    store, session = connection.store, fields["session"]
    with Hold(store, session):
        require_unused(store, session, fields["snapshot"])
        trash.throw_away(store, session, f"{existing_session(store, session)}/snapshots/{fields['snapshot']}")
    trash.empty(store, session)
    return {}
