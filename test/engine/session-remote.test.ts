import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type OwnEngine, startOwnEngine, whyNoOwnEngine } from "../support/own-engine.js";
import { copySandboxImage, OwnEngineLab } from "../support/own-engine-lab.js";
import { startOwnSshd, whyNoSshd } from "../support/own-sshd.js";

const reason = whyNoOwnEngine() ?? (await whyNoSshd());
if (reason !== null) console.warn(`skipped, sessions on a remote engine: ${reason}`);

type Environment = Readonly<Record<string, string>>;

/** How the engine is reached, by a user's environment alone. */
interface Way extends AsyncDisposable {
  readonly env: Environment;
}

async function overTls(own: OwnEngine): Promise<Way> {
  const env = { DOCKER_HOST: own.address, DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: own.certificates };
  return { env, async [Symbol.asyncDispose]() {} };
}

async function overSsh(own: OwnEngine): Promise<Way> {
  const sshd = await startOwnSshd(join(own.folder, "sshd"));
  // The user's own ssh would read the user's own configuration.
  const programs = join(own.folder, "bin");
  mkdirSync(programs);
  writeFileSync(join(programs, "ssh"), `#!/bin/sh\nexec /usr/bin/${sshd.command.join(" ")} "$@"\n`, { mode: 0o755 });
  const address = `ssh://root@127.0.0.1:${sshd.port}${own.socket}`;
  const env = { DOCKER_HOST: address, PATH: `${programs}:${process.env["PATH"]}` };
  return { env, [Symbol.asyncDispose]: () => sshd[Symbol.asyncDispose]() };
}

describe.skipIf(reason !== null).each([
  ["mutual TLS", overTls],
  ["OpenSSH", overSsh],
])("sessions on an engine over %s", (_name, reach) => {
  let own: OwnEngine;
  let way: Way;
  let lab: OwnEngineLab;

  beforeAll(async () => {
    own = await startOwnEngine({ tls: true });
    way = await reach(own);
    lab = new OwnEngineLab(way.env);
    await copySandboxImage(own);
  }, 300_000);
  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
    await way?.[Symbol.asyncDispose]();
    await own?.[Symbol.asyncDispose]();
  });

  it("upload the project, keep the command's streams and exit code, and leave the host as it was", async () => {
    const script = "cat src/a.txt - >&2; echo out; echo changed >> src/a.txt; rm src/b.txt; echo new > new.txt; exit 7";
    const ran = await lab.airlock(["run", "--on-exit", "keep", "-q", "--", "sh", "-c", script], { input: "piped\n" });
    expect(ran).toMatchObject({ code: 7, stdout: Buffer.from("out\n") });
    expect(ran.stderr).toContain("one\ntwo\nthree\npiped\n");
    expect(readFileSync(join(lab.project, "src/a.txt"), "utf8")).toBe("one\ntwo\nthree\n");
    const { base, changes } = await lab.json<{ base: { kind: string }; changes: { path: string; kind: string }[] }>([
      "diff",
      "--json",
    ]);
    expect(base.kind).toBe("upload");
    expect(changes.map(({ path, kind }) => `${kind} ${path}`).sort()).toEqual([
      "added new.txt",
      "deleted src/b.txt",
      "modified src/a.txt",
    ]);
  });

  it("are applied and undone like any other", async () => {
    await lab.json(["apply", "--yes", "--allow-risk", "--json"]);
    expect(readFileSync(join(lab.project, "src/a.txt"), "utf8")).toBe("one\ntwo\nthree\nchanged\n");
    expect(existsSync(join(lab.project, "src/b.txt"))).toBe(false);
    expect(await lab.json(["diff", "--json"])).toMatchObject({ changes: [] });
    await lab.json(["undo", "--yes", "--json"]);
    expect(readFileSync(join(lab.project, "src/b.txt"), "utf8")).toBe("bee\n");
  });

  it("that were started take commands, snapshots and a restore, and are gone after the discard", async () => {
    const id = await lab.start();
    await lab.exec(id, "echo 1 > f");
    const { id: snapshot } = await lab.json<{ id: string }>(["snapshot", id, "--json"]);
    await lab.exec(id, "echo 2 > f");
    expect((await lab.airlock(["restore", `${id}/${snapshot}`])).code).toBe(0);
    expect((await lab.exec(id, "cat f")).stdout.toString()).toBe("1\n");
    expect(await lab.json(["discard", id, "--json"])).toMatchObject({ clean: true });
  });
});
