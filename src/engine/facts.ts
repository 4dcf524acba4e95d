import { AirlockError } from "../base/errors.js";
import type { EngineFacts } from "../model/engine.js";
import type { EngineCaller } from "./caller.js";
import { readAnswer } from "./read-answer.js";

const architectures: Readonly<Record<string, EngineFacts["architecture"]>> = {
  x86_64: "amd64",
  amd64: "amd64",
  aarch64: "arm64",
  arm64: "arm64",
};

/** Asks the engine what it is and what it can do. */
export async function engineFacts(caller: EngineCaller): Promise<EngineFacts> {
  const [rawVersion, rawInfo] = await caller.call("ask the engine what it is", (signal) =>
    Promise.all(["/version", "/info"].map((path) => caller.transport.json({ method: "GET", path, signal }))),
  );
  const version = await readAnswer("version", rawVersion, "its version");
  const info = await readAnswer("info", rawInfo, "itself");
  const architecture = architectures[info.Architecture];
  if (architecture === undefined) {
    throw new AirlockError("E_ENGINE_FAILED", `Airlock does not run on the engine's architecture ${info.Architecture}`);
  }
  const security = new Set(info.SecurityOptions.flatMap((option) => option.split(",").slice(0, 1)));
  return {
    product: caller.product,
    version: version.Version,
    apiVersion: version.ApiVersion,
    operatingSystem: info.OperatingSystem,
    architecture,
    runtimes: Object.keys(info.Runtimes),
    defaultRuntime: info.DefaultRuntime,
    rootless: security.has("name=rootless"),
    userNamespaces: security.has("name=userns"),
    appArmor: security.has("name=apparmor"),
    seccomp: security.has("name=seccomp"),
    cgroupVersion: info.CgroupVersion === "2" || info.CgroupVersion === "v2" ? "2" : "1",
    memoryLimit: info.MemoryLimit,
    pidsLimit: info.PidsLimit,
    cpus: info.NCPU,
    memoryBytes: info.MemTotal,
    dataRoot: info.DockerRootDir,
    runcVersion: runcVersion(version.Components),
  };
}

/** Asks the engine how much there is to share, and of which runtimes. */
export async function engineCapacity(caller: EngineCaller): Promise<Pick<EngineFacts, "cpus" | "runtimes">> {
  const answer = await caller.call("ask the engine what it has", (signal) =>
    caller.transport.json({ method: "GET", path: "/info", signal }),
  );
  const { NCPU, Runtimes } = await readAnswer("info", answer, "itself");
  return { cpus: NCPU, runtimes: Object.keys(Runtimes) };
}

// Podman says `OCI Runtime (runc)` and `runc version 1.1.5\ncommit: …`.
function runcVersion(components: readonly { readonly Name: string; readonly Version: string }[]): string | null {
  const component = components.find(({ Name }) => Name === "runc" || Name === "OCI Runtime (runc)");
  return component === undefined ? null : (/\d+\.\S*/.exec(component.Version)?.[0] ?? null);
}
