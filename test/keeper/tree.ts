import { execFileSync } from "node:child_process";
import * as fc from "fast-check";

/** One entry of a tree to make. Names are latin1 strings that stand for bytes. */
export interface TreeNode {
  readonly kind: "file" | "dir" | "symlink" | "fifo" | "socket" | "whiteout" | "hardlink";
  readonly name: string;
  readonly mode: number;
  readonly owner: number;
  readonly content: string;
  readonly opaque: boolean;
  readonly children: readonly TreeNode[];
}

const byteName = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x41 : byte))).toString("latin1"))
  .filter((name) => name !== "." && name !== "..");

const plainName = fc.constantFrom(
  "a",
  "a-b",
  "ab",
  "A",
  "-rf",
  "x\ny",
  " ",
  "é",
  "🙂".slice(0, 1),
  "a.b",
  "src",
  "link",
);

const leaf = fc.record({
  kind: fc.constantFrom("file", "file", "symlink", "fifo", "socket", "whiteout", "hardlink"),
  name: fc.oneof(
    plainName.map((name) => Buffer.from(name).toString("latin1")),
    byteName,
  ),
  mode: fc.constantFrom(0o644, 0o755, 0o000, 0o4755, 0o2600, 0o1777),
  owner: fc.constantFrom(0, 1000, 4_000_000),
  content: fc.string({ maxLength: 40 }),
  opaque: fc.boolean(),
  children: fc.constant([]),
}) as fc.Arbitrary<TreeNode>;

const { tree } = fc.letrec<{ tree: readonly TreeNode[]; folder: TreeNode }>((tie) => ({
  tree: fc.uniqueArray(fc.oneof({ depthSize: "small", withCrossShrink: true }, leaf, tie("folder")), {
    selector: ({ name }) => name,
    maxLength: 7,
  }),
  folder: fc
    .tuple(leaf, tie("tree"))
    .map(([node, children]): TreeNode => ({ ...node, kind: "dir", children })) as fc.Arbitrary<TreeNode>,
}));

/** Trees of everything that a layer can hold, with names of any bytes. */
export const anyTree = tree;

const maker = `
import json, os, socket, stat, sys
root = sys.argv[1].encode()
links = []
def make(folder, node):
    path = folder + b"/" + node["name"].encode("latin1")
    kind = node["kind"]
    if kind == "hardlink" and not links:
        kind = "file"
    if kind == "dir":
        os.mkdir(path)
        for child in node["children"]:
            make(path, child)
        if node["opaque"]:
            os.setxattr(path, "trusted.overlay.opaque", b"y")
    elif kind == "file":
        with open(path, "w") as file:
            file.write(node["content"])
        links.append(path)
        if node["opaque"]:
            os.setxattr(path, "user.note", node["content"].encode()[:20])
    elif kind == "hardlink":
        os.link(links[len(node["content"]) % len(links)], path)
        return
    elif kind == "symlink":
        os.symlink(node["content"].replace("\\0", "") or "/etc/passwd", path)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "whiteout":
        os.mknod(path, stat.S_IFCHR, 0)
    else:
        os.mknod(path, stat.S_IFSOCK)
    os.chown(path, node["owner"], node["owner"], follow_symlinks=False)
    if kind not in ("symlink", "whiteout"):
        os.chmod(path, node["mode"])
    os.utime(path, ns=(1, 1_600_000_000_000_000_000 + len(path)), follow_symlinks=False)
for each in json.load(sys.stdin):
    make(root, each)
`;

/** Makes the tree in a folder that is there. */
export function makeTree(folder: string, nodes: readonly TreeNode[]): void {
  execFileSync("python3", ["-c", maker, folder], { input: JSON.stringify(nodes) });
}

// Independent of the keeper: by whole paths, with os.walk's order replaced by a sort over all paths.
const describer = `
import hashlib, os, stat, sys, json
root = os.fsencode(sys.argv[1])
found = []
first = {}
def look(path, relative):
    status = os.lstat(path)
    kind = stat.S_IFMT(status.st_mode)
    item = {"path": relative.decode("latin1"), "type": kind, "mode": stat.S_IMODE(status.st_mode), "uid": status.st_uid, "gid": status.st_gid, "mtime": str(status.st_mtime_ns), "device": status.st_rdev, "links": status.st_nlink}
    item["size"] = 0 if kind == stat.S_IFDIR else status.st_size
    if kind == stat.S_IFDIR:
        item["links"] = 0
    if kind == stat.S_IFLNK:
        item["target"] = os.fsencode(os.readlink(path)).decode("latin1")
    if kind == stat.S_IFREG:
        item["content"] = hashlib.sha256(open(path, "rb").read()).hexdigest()
    if status.st_nlink > 1 and kind == stat.S_IFREG:
        item["same"] = first.setdefault(status.st_ino, item["path"])
    item["attributes"] = [[name, os.getxattr(path, name, follow_symlinks=False).decode("latin1")] for name in sorted(os.listxattr(path, follow_symlinks=False))]
    found.append(item)
    if kind == stat.S_IFDIR:
        for name in sorted(os.listdir(path)):
            look(path + b"/" + name, relative + b"/" + name if relative else name)
look(root, b"")
json.dump(found, sys.stdout)
`;

/** Everything about a tree that a copy of it must have too. */
export interface SeenEntry {
  readonly path: string;
  readonly type: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: string;
  readonly device: number;
  readonly links: number;
  readonly size: number;
  readonly target?: string;
  readonly content?: string;
  readonly attributes: readonly (readonly [string, string])[];
}

/** Looks at a tree without the keeper. */
export function describeTree(folder: string): readonly SeenEntry[] {
  const answer = execFileSync("python3", ["-c", describer, folder], { encoding: "utf8", maxBuffer: 1 << 28 });
  return JSON.parse(answer) as SeenEntry[];
}
