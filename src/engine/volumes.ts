import { AirlockError } from "../base/errors.js";
import type { Labels, VolumeRequest, VolumeState } from "../model/engine.js";
import { parseAnswer, volumeAnswer, volumeListAnswer } from "./answers.js";
import type { EngineCaller } from "./caller.js";
import { hasLabels, labelFilters } from "./labels.js";
import { objectName } from "./object-name.js";

type VolumeAnswer = ReturnType<typeof volumeAnswer.parse>;

function volumeState(answer: VolumeAnswer): VolumeState {
  return {
    name: answer.Name,
    driver: answer.Driver,
    labels: answer.Labels,
    mountpoint: answer.Mountpoint,
    driverOptions: answer.Options,
  };
}

/**
 * Makes a volume of the `local` driver. Engines hand back a volume of that name that was there before, whatever its
 * options: one that mounts something else is an error.
 */
export async function createVolume(caller: EngineCaller, request: VolumeRequest): Promise<VolumeState> {
  const { text } = await caller.call(`create volume ${request.name}`, (signal) =>
    caller.transport.collect({
      method: "POST",
      path: "/volumes/create",
      body: JSON.stringify({
        Name: request.name,
        Driver: "local",
        DriverOpts: request.driverOptions,
        Labels: request.labels,
      }),
      signal,
    }),
  );
  const volume = volumeState(parseAnswer(volumeAnswer, jsonOf(text), `volume ${request.name}`));
  if (volume.driver !== "local" || !isSameMap(volume.driverOptions, request.driverOptions)) {
    throw new AirlockError("E_ENGINE_FAILED", `a volume ${request.name} exists already and mounts something else`, {
      hint: `see what it is: \`docker volume inspect ${request.name}\``,
    });
  }
  return volume;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isSameMap(left: Readonly<Record<string, string>>, right: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => left[key] === right[key]);
}

export async function inspectVolume(caller: EngineCaller, name: string): Promise<VolumeState | null> {
  const answer: unknown = await caller.callUnless(
    `inspect volume ${name}`,
    (abortSignal) => volumeOf(caller, name).inspect({ abortSignal }),
    { 404: null },
  );
  return answer === null ? null : volumeState(parseAnswer(volumeAnswer, answer, `volume ${name}`));
}

/** True when the volume is gone, also when it was before; false while a container uses it. */
export async function removeVolume(caller: EngineCaller, name: string): Promise<boolean> {
  const answer: unknown = await caller.callUnless(
    `remove volume ${name}`,
    async (abortSignal) => {
      await volumeOf(caller, name).remove({ abortSignal });
      return true;
    },
    { 404: true, 409: false },
  );
  return answer === true;
}

export async function listVolumes(caller: EngineCaller, labels: Labels): Promise<readonly VolumeState[]> {
  const answer: unknown = await caller.call("list volumes", (abortSignal) =>
    caller.docker.listVolumes({ filters: { label: labelFilters(caller.product, labels) }, abortSignal } as object),
  );
  return parseAnswer(volumeListAnswer, answer, "volumes")
    .Volumes.filter(({ Labels: found }) => hasLabels(found, labels))
    .map(volumeState);
}

function volumeOf({ docker }: EngineCaller, name: string) {
  return docker.getVolume(objectName(name));
}
