import type { ContainerRequest } from "../../src/model/engine.js";

/** A harmless container for a test: no network, no capability, removed by its label. */
export function containerRequest(changes: Partial<ContainerRequest> & { readonly image: string }): ContainerRequest {
  return {
    name: `airlock-test-${Math.random().toString(36).slice(2, 12)}`,
    labels: { "airlock.test": "1" },
    entrypoint: ["/bin/sh", "-c"],
    command: ["sleep 300"],
    workingDirectory: "/",
    user: "0:0",
    environment: ["PATH=/bin:/usr/bin"],
    hostname: "sandbox",
    tty: false,
    openStdin: false,
    stopSignal: "SIGTERM",
    readOnlyRoot: true,
    capabilitiesAdded: [],
    seccompProfile: null,
    mounts: [],
    tmpfs: {},
    maskedPaths: ["/proc/kcore"],
    readOnlyPaths: ["/proc/sys"],
    ulimits: [{ name: "nofile", soft: 1024, hard: 1024 }],
    memoryBytes: 256 << 20,
    nanoCpus: 1_000_000_000,
    pidsLimit: 64,
    shmBytes: 1 << 20,
    oomScoreAdjustment: 100,
    networkDisabled: false,
    ...changes,
  };
}
