import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Layer } from "../../../src/model/session.js";
import { layerVolumeRequest } from "../../../src/workspace/layers.js";

const place = { mountpoint: "/var/lib/docker/volumes/store/_data", session: "calm-otter-0001" };

function optionsFor(hostPath: string, mountpoint = place.mountpoint): string {
  const layer: Layer = { name: "workspace", hostPath, base: "overlay", target: "/w", volume: "v" };
  return layerVolumeRequest({ ...place, mountpoint }, layer, {}).driverOptions["o"] ?? "";
}

/** Takes the string apart like the engine's driver and then the kernel (ovl_next_opt, ovl_parse_layer). */
function asMounted(options: string): { readonly flags: string[]; readonly options: Map<string, string> } {
  const names = new Set([
    "nosuid",
    "nodev",
    "ro",
    "rw",
    "suid",
    "dev",
    "exec",
    "sync",
    "remount",
    "bind",
    "rbind",
    "shared",
  ]);
  const pieces = options.split(",");
  const flags = pieces.filter((piece) => names.has(piece));
  const rest = pieces.filter((piece) => !names.has(piece)).join(",");
  const parsed = new Map<string, string>();
  for (const [, name = "", value = ""] of rest.matchAll(/([a-z_]+)=((?:\\.|[^,\\])*)(?:,|$)/gs))
    parsed.set(name, value);
  return { flags, options: parsed };
}

const unescapePath = (value: string): string => value.replace(/\\(.)/gs, "$1");

/** The lower folders, from the top down. */
function lowersOf(layer: Layer, below: readonly { session: string; snapshot: string }[]): string[] {
  const { o = "" } = layerVolumeRequest({ ...place, below }, layer, {}).driverOptions;
  return asMounted(o).options.get("lowerdir")?.split(":") ?? [];
}

const refused = { code: "E_OVERLAY_PATH", hint: expect.stringContaining("--workspace upload") };

describe("the options of a layer's mount", () => {
  it("name the mask over the base, and switch off what would split a file from its layer", () => {
    const own = `${place.mountpoint}/sessions/calm-otter-0001/layers/workspace`;
    expect(optionsFor("/home/me/project")).toBe(
      `nosuid,nodev,lowerdir=${own}/mask:/home/me/project,upperdir=${own}/upper,workdir=${own}/work,metacopy=off,redirect_dir=off,index=off`,
    );
  });

  it("take the store's own base for a home and for an upload", () => {
    const home: Layer = { name: "home", hostPath: null, base: "empty", target: "/h", volume: "v" };
    const upload: Layer = { name: "path-1", hostPath: "/elsewhere", base: "upload", target: "/p", volume: "v" };
    for (const layer of [home, upload]) {
      const { driverOptions, labels } = layerVolumeRequest(place, layer, { "airlock.session": place.session });
      expect(driverOptions["o"]).toContain(`/mask:${place.mountpoint}/sessions/${place.session}/base/${layer.name},`);
      expect(labels).toEqual({
        "airlock.session": place.session,
        "airlock.role": "layer",
        "airlock.layer": layer.name,
      });
    }
  });

  it("mean the folder and nothing else for every path that is not refused", () => {
    const character = fc.constantFrom(..."ab/,:\\= '$x", "ro", "suid", ",upperdir=/etc", ",suid", "é", "\t", "🙂");
    void fc.assert(
      fc.property(fc.array(character, { maxLength: 14 }), (parts) => {
        const path = `/${parts.join("")}`;
        let text = "";
        try {
          text = optionsFor(path);
        } catch {
          return;
        }
        const { flags, options } = asMounted(text);
        expect(flags).toEqual(["nosuid", "nodev"]);
        expect([...options.keys()]).toEqual(["lowerdir", "upperdir", "workdir", "metacopy", "redirect_dir", "index"]);
        const lower = options.get("lowerdir") ?? "";
        const [mask, ...bases] = lower.split(/(?<!\\)(?:\\\\)*:/);
        expect([mask?.endsWith("/mask"), bases.length]).toEqual([true, 1]);
        expect(unescapePath(bases[0] ?? "")).toBe(path);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(["/p/x,ro", "/p/x,y,suid", "/,defaults", "/x,rw", "/x,private"])(
    "refuse %j, of which the engine would take a piece for a flag",
    (path) => {
      expect(() => optionsFor(path)).toThrow(expect.objectContaining(refused));
    },
  );

  it.each([
    ["a quote", '/q"q'],
    ["a line feed", "/n\nl"],
    ["a byte that is no text", "/bytes\udcff"],
    ["more than one page of options", `/${"long/".repeat(800)}`],
  ])("refuse a path with %s", (_what, path) => {
    expect(() => optionsFor(path)).toThrow(expect.objectContaining(refused));
  });

  it("also hold for the engine's own data folder", () => {
    expect(optionsFor("/p", "/data:root")).toContain("lowerdir=/data\\:root/");
  });
});

describe("the mount of a fork", () => {
  const below = [
    { session: "two", snapshot: "s3" },
    { session: "one", snapshot: "s1" },
  ];
  const store = `${place.mountpoint}/sessions`;
  const snapshots = (name: string): string[] => [
    `${store}/two/snapshots/s3/layers/${name}`,
    `${store}/one/snapshots/s1/layers/${name}`,
  ];

  it("has the snapshots over the mask, and an uploaded base of the session that began it all", () => {
    const workspace: Layer = { name: "workspace", hostPath: "/p", base: "overlay", target: "/p", volume: "v" };
    const mask = `${store}/${place.session}/layers/workspace/mask`;
    expect(lowersOf(workspace, below)).toEqual([...snapshots("workspace"), mask, "/p"]);
    expect(lowersOf(workspace, [])).toEqual([mask, "/p"]);
    expect(lowersOf({ ...workspace, base: "upload" }, below).at(-1)).toBe(`${store}/one/base/workspace`);
    expect(lowersOf({ ...workspace, base: "upload" }, []).at(-1)).toBe(`${store}/${place.session}/base/workspace`);
  });

  it("is refused when the snapshots do not fit into it", () => {
    const layer: Layer = { name: "home", hostPath: null, base: "empty", target: "/home/agent", volume: "v" };
    const many = Array.from({ length: 60 }, (_, index) => ({ session: `session-${index}`, snapshot: "s1" }));
    expect(() => lowersOf(layer, many)).toThrow(expect.objectContaining({ code: "E_SESSION_STATE" }));
  });
});
