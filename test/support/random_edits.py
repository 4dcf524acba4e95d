"""Makes random trees, and edits trees at random: the same seed does the same in a sandbox and in a copy beside it.

    random_edits.py make ROOT SEED CASES    ROOT/case-N with a random tree each
    random_edits.py edit ROOT SEED CASES    edits each of them
    random_edits.py show ROOT               one JSON line an entry: what an apply must carry
"""

import hashlib
import json
import os
import random
import shutil
import stat
import sys

NAMES = ["a", "b", "c d", "-rf", "caf\u00e9", "\U0001f600", "x.sh", "Makefile", "q'uote", "back\\slash", "z" * 120, "e.txt"]
EPOCH = 1_600_000_000


def content(rng):
    kind = rng.randrange(8)
    if kind == 0:
        return b""
    if kind == 1:
        return rng.randbytes(rng.randrange(1, 70_000))
    if kind == 2:
        return b"same\n"
    return "".join(f"line {rng.randrange(30)}\n" for _ in range(rng.randrange(1, 60))).encode()


def stamp(rng, path):
    moment = (EPOCH + rng.randrange(10_000_000)) * 1_000_000_000 + rng.randrange(1_000_000) * 1_000
    os.utime(path, ns=(moment, moment), follow_symlinks=False)


def write(rng, path):
    with open(path, "wb") as file:
        file.write(content(rng))
    os.chmod(path, rng.choice([0o644, 0o644, 0o600, 0o755, 0o640, 0o666]))
    stamp(rng, path)


def entries(root):
    found = []
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(folders + files):
            found.append(os.path.join(folder, name))
    return found


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def spot(rng, root):
    """A path for something new, in a folder that is there."""
    folders = [root] + [path for path in entries(root) if os.path.isdir(path) and not os.path.islink(path)]
    return os.path.join(rng.choice(folders), rng.choice(NAMES))


def clear(path):
    if os.path.lexists(path):
        remove(path)


def create(rng, root):
    path = spot(rng, root)
    clear(path)
    kind = rng.randrange(6)
    if kind == 0:
        os.mkdir(path, 0o755)
    elif kind == 1:
        os.symlink(rng.choice(["a", "nowhere", "./c d/e.txt", "b"]), path)
    elif kind == 2:
        with open(path, "wb") as file:
            file.write(b"head")
            file.seek(3_000_000)
            file.write(b"tail")
        os.chmod(path, 0o644)
        stamp(rng, path)
    else:
        write(rng, path)


def edit_once(rng, root):
    there = entries(root)
    if not there or rng.randrange(4) == 0:
        return create(rng, root)
    path = rng.choice(there)
    is_folder = os.path.isdir(path) and not os.path.islink(path)
    is_file = os.path.isfile(path) and not os.path.islink(path)
    act = rng.choice(["append", "write", "remove", "rename", "mode", "link", "replace", "copy", "touch"])
    if act == "append" and is_file:
        with open(path, "ab") as file:
            file.write(b"more\n")
        stamp(rng, path)
    elif act == "write" and is_file:
        write(rng, path)
    elif act == "remove":
        remove(path)
    elif act == "rename":
        target = spot(rng, root)
        if not target.startswith(path + "/") and not path.startswith(target + "/") and target != path:
            clear(target)
            if is_folder:
                # An overlay cannot rename a folder of its base, and mv copies it then.
                shutil.copytree(path, target, symlinks=True)
                remove(path)
            else:
                os.rename(path, target)
    elif act == "mode" and not os.path.islink(path):
        os.chmod(path, rng.choice([0o755, 0o700, 0o775]) if is_folder else rng.choice([0o644, 0o755, 0o600]))
    elif act == "link" and is_file:
        target = spot(rng, root)
        if target != path:
            clear(target)
            if os.path.lexists(path):
                # A new file under both names: of an old one the overlay makes two, as it must.
                with open(path, "rb") as file:
                    data = file.read()
                mode = stat.S_IMODE(os.lstat(path).st_mode)
                os.unlink(path)
                with open(path, "wb") as file:
                    file.write(data + b"linked\n")
                os.chmod(path, mode)
                os.link(path, target)
                stamp(rng, path)
    elif act == "replace":
        remove(path)
        create(rng, root)
    elif act == "copy" and is_file:
        target = spot(rng, root)
        if not path.startswith(target + "/") and target != path:
            clear(target)
            shutil.copyfile(path, target)
            os.chmod(target, 0o644)
            stamp(rng, target)
    elif act == "touch" and is_file:
        stamp(rng, path)
    return None


def show(root):
    seen = {}
    for path in entries(root):
        status = os.lstat(path)
        entry = {"path": os.path.relpath(path, root), "mode": stat.S_IMODE(status.st_mode), "type": stat.S_IFMT(status.st_mode)}
        if stat.S_ISLNK(status.st_mode):
            entry["target"] = os.readlink(path)
            entry["mode"] = 0
        if stat.S_ISREG(status.st_mode):
            with open(path, "rb") as file:
                entry["sha256"] = hashlib.sha256(file.read()).hexdigest()
            entry["sparse"] = status.st_size > 1_000_000 and status.st_blocks * 512 < status.st_size // 2
            entry["mtimeUs"] = status.st_mtime_ns // 1_000
            if status.st_nlink > 1:
                entry["sameAs"] = seen.setdefault(status.st_ino, entry["path"])
        print(json.dumps(entry))


def main(verb, root, seed="0", cases="0"):
    os.umask(0o022)
    if verb == "show":
        return show(root)
    for case in range(int(cases)):
        folder = os.path.join(root, f"case-{case}")
        rng = random.Random(f"{verb} {seed} {case}")
        if verb == "make":
            os.mkdir(folder)
            for _ in range(rng.randrange(0, 14)):
                create(rng, folder)
        else:
            for _ in range(rng.randrange(1, 12)):
                edit_once(rng, folder)
    return None


main(*sys.argv[1:])
