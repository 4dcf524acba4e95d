import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openSshRoute } from "../../../src/engine/ssh-agent.js";

// Answers each request on its stdio, and takes its time to end when told to.
const slowSsh = `
process.on("SIGTERM", () => setTimeout(() => process.exit(), 200));
process.stdin.on("data", () => process.stdout.write("HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nok"));
`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "airlock-ssh-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function heldProcesses(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "ProcessWrap").length;
}

it("keeps the command alive until its connections are gone, also those that http let go of", async () => {
  const program = join(folder, "ssh.cjs");
  writeFileSync(program, slowSsh);
  const before = heldProcesses();
  const route = openSshRoute(
    { kind: "ssh", address: "ssh://host", source: "a test" },
    { sshCommand: [process.execPath, program] },
  );
  const asked = request({ agent: route.agent, host: route.host, path: "/" }).end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  answer.resume();
  await once(answer, "end");
  while (heldProcesses() > before) await turn();
  const closed = route.close();
  expect(heldProcesses()).toBe(before + 1);
  await closed;
});
