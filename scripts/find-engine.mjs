// Looks for a container engine where the CLI looks for one, and prints its address and how it was found.
// Exit code: 0 found; 1 none answers; 3 a socket is there but this user may not use it (its path is printed).
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { homedir } from "node:os";
import { join } from "node:path";

const { env } = process;

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return {};
  }
}

function contextAddress() {
  const folder = env.DOCKER_CONFIG || join(homedir(), ".docker");
  const name = env.DOCKER_CONTEXT || readJson(join(folder, "config.json")).currentContext;
  if (!name || name === "default") return [];
  const id = createHash("sha256").update(name).digest("hex");
  const meta = readJson(join(folder, "contexts/meta", id, "meta.json"));
  const address = meta.Endpoints?.docker?.Host;
  return address ? [[address, `docker context ${name}`]] : [];
}

function candidates() {
  if (env.AIRLOCK_ENGINE) return [[env.AIRLOCK_ENGINE, "AIRLOCK_ENGINE"]];
  if (env.DOCKER_HOST) return [[env.DOCKER_HOST, "DOCKER_HOST"]];
  const runtime = env.XDG_RUNTIME_DIR || `/run/user/${process.getuid?.() ?? 0}`;
  return [
    ...contextAddress(),
    ["unix:///var/run/docker.sock", "default socket"],
    [`unix://${runtime}/docker.sock`, "rootless socket"],
    [`unix://${homedir()}/.docker/run/docker.sock`, "Docker Desktop"],
    [`unix://${runtime}/podman/podman.sock`, "Podman"],
    ["unix:///run/podman/podman.sock", "Podman"],
  ];
}

/** "yes", "no" or "denied"; an address that is not a local socket is the CLI's to check. */
function answers(address) {
  if (!address.startsWith("unix://")) return Promise.resolve("yes");
  const socketPath = address.slice("unix://".length);
  if (!existsSync(socketPath)) return Promise.resolve("no");
  return new Promise((resolve) => {
    const probe = request({ socketPath, path: "/_ping", timeout: 3000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? "yes" : "no");
    });
    probe.on("timeout", () => probe.destroy());
    probe.on("error", (error) => resolve(error.code === "EACCES" ? "denied" : "no"));
    probe.end();
  });
}

let denied;
for (const [address, source] of candidates()) {
  const answer = await answers(address);
  if (answer === "yes") {
    console.log(`${address} (${source})`);
    process.exit(0);
  }
  if (answer === "denied") denied ??= address.slice("unix://".length);
}
if (denied !== undefined) console.log(denied);
process.exit(denied === undefined ? 1 : 3);
