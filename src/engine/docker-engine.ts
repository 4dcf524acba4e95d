import type { Engine, EngineFacts } from "../model/engine.js";
import { buildImage } from "./build.js";
import type { EngineCaller } from "./caller.js";
import * as containers from "./containers.js";
import { attachContainer, execInContainer } from "./exec.js";
import { engineCapacity, engineFacts } from "./facts.js";
import { importImage, inspectImage, listImages, pullImage, removeImage } from "./images.js";
import { createVolume, inspectVolume, listVolumes, removeVolume } from "./volumes.js";
import { ExitWaiter } from "./wait.js";

/** The port over one connected engine; `close` ends what its connection keeps open. */
export function dockerEngine(caller: EngineCaller, close: () => Promise<void>): Engine {
  let facts: Promise<EngineFacts> | undefined;
  let capacity: ReturnType<Engine["capacity"]> | undefined;
  const waiter = new ExitWaiter(caller);
  return {
    endpoint: caller.endpoint,
    facts: () => {
      facts ??= engineFacts(caller);
      return facts;
    },
    capacity: () => {
      capacity ??= engineCapacity(caller);
      return capacity;
    },
    createContainer: (request) => containers.createContainer(caller, request),
    attachContainer: (id, options) => attachContainer(caller, id, options),
    startContainer: async (id) => {
      await waiter.registered(id);
      await containers.startContainer(caller, id);
    },
    resizeContainer: (id, size) => containers.resizeContainer(caller, id, size),
    inspectContainer: (id) => containers.inspectContainer(caller, id),
    // Only who watches asks.
    containerStats: async (id) => (await import("./stats.js")).containerStats(caller, id),
    waitContainer: (id, signal) => waiter.wait(id, signal),
    killContainer: (id, signal) => containers.killContainer(caller, id, signal),
    pauseContainer: (id) => containers.pauseContainer(caller, id),
    unpauseContainer: (id) => containers.unpauseContainer(caller, id),
    removeContainer: (id) => containers.removeContainer(caller, id),
    listContainers: (labels) => containers.listContainers(caller, labels),
    commitContainer: (id, image) => containers.commitContainer(caller, id, image),
    exec: (request) => execInContainer(caller, request),
    createVolume: (request) => createVolume(caller, request),
    inspectVolume: (name) => inspectVolume(caller, name),
    removeVolume: (name) => removeVolume(caller, name),
    listVolumes: (labels) => listVolumes(caller, labels),
    inspectImage: (reference) => inspectImage(caller, reference),
    listImages: (labels) => listImages(caller, labels),
    removeImage: (reference) => removeImage(caller, reference),
    pullImage: (reference, onLine, signal) => pullImage(caller, reference, { onLine, signal }),
    buildImage: (request) => buildImage(caller, request),
    importImage: (root, tag, labels) => importImage(caller, root, tag, labels),
    [Symbol.asyncDispose]: close,
  };
}
