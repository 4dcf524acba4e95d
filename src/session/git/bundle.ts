import { createWriteStream } from "node:fs";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { AirlockError } from "../../base/errors.js";
import { escapeText } from "../../base/escape.js";
import { newToken } from "../../base/ids.js";
import type { ContainerRequest, ImageState } from "../../model/engine.js";
import type { SessionRecord } from "../../model/session.js";
import { requireImage } from "../image.js";
import { sandboxHome } from "../sandbox/environment.js";
import { createLayerVolumes } from "../sandbox/layers.js";
import { releaseFrame } from "../sandbox/release.js";
import { sandboxRequest, startSandbox } from "../sandbox/sandbox.js";
import type { Workbench } from "../workbench.js";

/** What to bundle, and where to. */
export interface BundleWish {
  readonly record: SessionRecord;
  /** `HEAD` or `refs/heads/…`. */
  readonly ref: string;
  /** Commits that the host has already. */
  readonly known: readonly string[];
  /** The file to make. */
  readonly file: string;
  readonly maxBytes: number;
}

const timeoutMs = 300_000;
const largestMemory = 2 * 1024 ** 3;
const stderrBytes = 8_192;

/** The record of a sandbox that can look at the session's work and change nothing: no home, every mount read-only. */
function readerRecord(bench: Workbench, record: SessionRecord, image: ImageState): SessionRecord {
  return {
    ...record,
    image: { reference: bench.sandboxImage, id: image.id },
    rootImage: null,
    layers: record.layers.filter(({ name }) => name !== "home"),
    paths: record.paths.map((path) => (path.mode === "rw" ? { ...path, mode: "ro" } : path)),
    limits: { ...record.limits, memoryBytes: Math.min(record.limits.memoryBytes, largestMemory) },
  };
}

async function readerRequest(bench: Workbench, record: SessionRecord, image: ImageState): Promise<ContainerRequest> {
  const request = await sandboxRequest(bench, { record, image, tty: false });
  return {
    ...request,
    name: `airlock-${record.id}-git-${newToken(6)}`,
    labels: { ...request.labels, "airlock.role": "git" },
    mounts: request.mounts.map((mount) => ({ ...mount, readOnly: true })),
  };
}

// Of commits that are not there `--ignore-missing` says nothing, so the one asked for is looked for first.
const script = `git="git --no-replace-objects -c safe.directory=* -c core.fsmonitor=false -c core.hooksPath=/dev/null -c protocol.allow=never"
set -f
$git rev-parse -q --verify "$1^{commit}" >/dev/null || { [ $? = 1 ] && echo 'no such branch' >&2; exit 3; }
exec $git bundle create -q - --ignore-missing --stdin "$1"`;

const environment = new Map([
  ["PATH", "/usr/local/bin:/usr/bin:/bin"],
  ["HOME", sandboxHome],
  ["LC_ALL", "C"],
  ["GIT_CONFIG_GLOBAL", "/dev/null"],
  ["GIT_CONFIG_NOSYSTEM", "1"],
  ["GIT_OPTIONAL_LOCKS", "0"],
  ["GIT_TERMINAL_PROMPT", "0"],
]);

function limited(maxBytes: number): Transform {
  let size = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size <= maxBytes) return done(null, chunk);
      done(new AirlockError("E_GIT_REFUSED", `the commits take more than ${Math.round(maxBytes / 1024 ** 2)} MiB`));
    },
  });
}

function explain(record: SessionRecord, exitCode: number, stderr: string): AirlockError {
  const said = escapeText(stderr.trim().split("\n").slice(0, 3).join("; ").slice(0, 500));
  if (stderr.includes("Refusing to create empty bundle")) {
    return new AirlockError("E_GIT_REFUSED", "there is no commit that the host does not have", {
      hint: `airlock diff -s ${record.id} shows what is not committed`,
    });
  }
  if (stderr.includes("no such branch")) {
    return new AirlockError("E_GIT_REFUSED", `there is no such commit or branch in session ${record.id}`, {
      hint: `airlock diff -s ${record.id} names the branches that changed`,
    });
  }
  if (stderr.includes("not a git repository")) {
    return new AirlockError("E_GIT_REFUSED", `git finds no repository in the session: ${said}`, {
      hint: "of a work tree or a submodule the repository lies elsewhere: give it to the session as a path (--path DIR:cow)",
    });
  }
  return new AirlockError("E_GIT_REFUSED", `git in the session made no bundle (exit code ${exitCode}): ${said}`);
}

/**
 * Has the session's git write a bundle, in a throw-away sandbox of its own: the repository's configuration could run anything, so
 * it is only ever run in there. What comes out is bytes in a file, and nothing is believed of them.
 */
export async function writeBundle(bench: Workbench, wish: BundleWish): Promise<void> {
  const engine = await bench.engine();
  const image = await requireImage(bench, bench.sandboxImage);
  await createLayerVolumes(bench, wish.record);
  const record = readerRecord(bench, wish.record, image);
  const request = await readerRequest(bench, record, image);
  // One that was killed here left its own behind.
  for (const { id } of await engine.listContainers(request.labels)) await engine.removeContainer(id);
  const container = await engine.createContainer(request);
  try {
    await using sandbox = await startSandbox(bench, { container, request, record, image, tty: false });
    const failed = sandbox.verdict.checks.filter(({ ok }) => !ok).map(({ name }) => name);
    if (failed.length > 0)
      throw new AirlockError("E_WALL_UNPROVED", `the sandbox for git is not as asked for: ${failed.join("; ")}`);
    const { stdin, stdout, stderr } = sandbox.streams;
    let said = "";
    stderr?.on("data", (chunk: Buffer) => (said += said.length < stderrBytes ? chunk.toString("latin1") : ""));
    stdin.on("error", () => undefined);
    stdin.write(
      releaseFrame({
        mode: "run",
        cwd: record.workspace,
        env: environment,
        args: ["sh", "-c", script, "sh", wish.ref],
      }),
    );
    stdin.end(wish.known.map((id) => `^${id}\n`).join(""));
    const signal = AbortSignal.any([bench.signal, AbortSignal.timeout(timeoutMs)]);
    const file = createWriteStream(wish.file, { flags: "wx", mode: 0o600 });
    await pipeline(stdout, limited(wish.maxBytes), file, { signal });
    const { exitCode } = await sandbox.exit;
    if (exitCode !== 0) throw explain(record, exitCode, said);
  } catch (error) {
    if (bench.signal.aborted) throw new AirlockError("E_CANCELLED", "interrupted", { cause: error });
    if (error instanceof Error && error.name === "AbortError") {
      throw new AirlockError("E_GIT_REFUSED", `git in the session took longer than ${timeoutMs / 1000} s`);
    }
    throw error;
  } finally {
    await engine.removeContainer(container);
  }
}
