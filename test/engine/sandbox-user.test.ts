import { execFile, execFileSync } from "node:child_process";
import { chmodSync, statSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { airlockScript } from "../support/cli.js";
import { Lab } from "../support/lab.js";

const run = promisify(execFile);
const uid = 4321;
const gid = 8765;

const reason = process.getuid?.() !== 0 ? "only root can become another user" : null;

describe.skipIf(reason !== null)("a user that no image knows", () => {
  it("has a name inside, owns what it makes, and may apply it", async () => {
    await using lab = new Lab();
    chmodSync(lab.root, 0o755);
    execFileSync("chown", ["-R", `${uid}:${gid}`, lab.root]);
    const socket = statSync("/var/run/docker.sock").gid;
    const airlock = (...args: string[]) =>
      run("setpriv", [`--reuid=${uid}`, `--regid=${gid}`, `--groups=${gid},${socket}`, airlockScript, ...args], {
        cwd: lab.project,
        env: lab.env(),
        timeout: 60_000,
      });
    const script = `whoami; id -gn; node -p 'os.userInfo().homedir'; ssh -G host | grep '^user '; echo x > new; stat -c %U new`;
    const { stdout } = await airlock("run", "-q", "--on-exit", "keep", "--", "sh", "-c", script);
    expect(stdout.trim().split("\n")).toEqual(["agent", "agent", "/home/agent", "user agent", "agent"]);
    await airlock("apply", "--yes");
    expect(statSync(`${lab.project}/new`)).toMatchObject({ uid, gid });
    await airlock("discard");
  });
});
