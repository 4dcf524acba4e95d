import { AirlockError } from "../base/errors.js";
import type { Labels, VolumeRequest, VolumeState } from "../model/engine.js";
import type { EngineCaller } from "./caller.js";
import { hasLabels, labelFilters } from "./labels.js";
import { objectName } from "./object-name.js";
import { type Answer, readAnswer } from "./read-answer.js";

function volumeState(answer: Answer<"volume">): VolumeState {
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
  const { name: Name, driverOptions: DriverOpts, labels: Labels } = request;
  const body = { Name, Driver: "local", DriverOpts, Labels };
  const answer = await caller.call(`create volume ${Name}`, (signal) =>
    caller.transport.json({ method: "POST", path: "/volumes/create", body, signal }),
  );
  const told = volumeState(await readAnswer("volume", answer, `volume ${Name}`));
  // Docker forgets in this answer, until somebody has inspected it, what a volume of before its restart was made with.
  const volume = isMadeAs(told, request) ? told : ((await inspectVolume(caller, Name)) ?? told);
  if (volume.driver !== "local" || !isSameMap(volume.driverOptions, request.driverOptions)) {
    throw new AirlockError("E_ENGINE_FAILED", `a volume ${request.name} exists already and mounts something else`, {
      hint: `see what it is: \`docker volume inspect ${request.name}\``,
    });
  }
  return volume;
}

function isMadeAs({ labels, driverOptions }: VolumeState, request: VolumeRequest): boolean {
  return hasLabels(labels, request.labels) && isSameMap(driverOptions, request.driverOptions);
}

function isSameMap(left: Readonly<Record<string, string>>, right: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => left[key] === right[key]);
}

export async function inspectVolume(caller: EngineCaller, name: string): Promise<VolumeState | null> {
  const answer = await caller.callUnless(
    `inspect volume ${name}`,
    (signal) => caller.transport.json({ method: "GET", path: `/volumes/${objectName(name)}`, signal }),
    { 404: null },
  );
  return answer === null ? null : volumeState(await readAnswer("volume", answer, `volume ${name}`));
}

/** True when the volume is gone, also when it was before; false while a container uses it. */
export async function removeVolume(caller: EngineCaller, name: string): Promise<boolean> {
  const answer: unknown = await caller.callUnless(
    `remove volume ${name}`,
    async (signal) => {
      await caller.transport.json({ method: "DELETE", path: `/volumes/${objectName(name)}`, signal });
      return true;
    },
    { 404: true, 409: false },
  );
  return answer === true;
}

export async function listVolumes(caller: EngineCaller, labels: Labels): Promise<readonly VolumeState[]> {
  const query = { filters: { label: labelFilters(caller.product, labels) } };
  const answer = await caller.call("list volumes", (signal) =>
    caller.transport.json({ method: "GET", path: "/volumes", query, signal }),
  );
  const { Volumes } = await readAnswer("volumeList", answer, "volumes");
  return Volumes.filter(({ Labels: found }) => hasLabels(found, labels)).map(volumeState);
}
