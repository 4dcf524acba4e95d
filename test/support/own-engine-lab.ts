import { execFileSync } from "node:child_process";
import { Lab } from "./lab.js";
import type { OwnEngine } from "./own-engine.js";

/** A lab whose commands find an engine of the test's own, named by their environment as a user names one. */
export class OwnEngineLab extends Lab {
  readonly #way: Readonly<Record<string, string>>;

  constructor(way: Readonly<Record<string, string>>) {
    super();
    this.#way = way;
  }

  override env(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
    return { ...super.env(), ...this.#way, ...extra };
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.airlock(["discard", "--all"]);
    await super[Symbol.asyncDispose]();
  }
}

/** Gives the engine the sandbox image that the machine's has, so that it need not be built again. */
export async function copySandboxImage(own: OwnEngine): Promise<void> {
  await using local = new Lab();
  const images = await local.json<{ current: boolean; tags: string[] }[]>(["image", "ls", "--json"]);
  const tag = images.find(({ current }) => current)?.tags[0];
  if (tag === undefined) throw new Error("the machine's engine has no sandbox image");
  execFileSync("sh", ["-c", `docker save "$1" | docker --host "unix://$2" load`, "sh", tag, own.socket]);
}
