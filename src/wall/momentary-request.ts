import type { ContainerRequest } from "../model/engine.js";
import { maskedPaths, readOnlyPaths } from "./container-spec.js";
import { seccompProfile } from "./seccomp.js";

type Decided = "name" | "image" | "labels" | "entrypoint" | "command" | "user" | "hostname" | "pidsLimit";

const megabyte = 1024 * 1024;

/** A container of ours that looks at something and is gone: behind a sandbox's walls, with nothing mounted. */
export function momentaryRequest(
  request: Pick<ContainerRequest, Decided> & Partial<ContainerRequest>,
): ContainerRequest {
  return {
    workingDirectory: "/",
    environment: [],
    tty: false,
    openStdin: false,
    stopSignal: "SIGKILL",
    readOnlyRoot: true,
    capabilitiesAdded: [],
    seccompProfile: seccompProfile(),
    mounts: [],
    tmpfs: {},
    maskedPaths,
    readOnlyPaths,
    ulimits: [{ name: "core", soft: 0, hard: 0 }],
    memoryBytes: 64 * megabyte,
    nanoCpus: 0,
    shmBytes: megabyte,
    oomScoreAdjustment: 0,
    networkDisabled: true,
    ...request,
  };
}
