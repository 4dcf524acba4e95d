import { describe, expect, test } from "vitest";
import { containerBody } from "../../../src/engine/container-spec.js";
import { splitReference } from "../../../src/engine/images.js";
import { hasLabels, labelFilters } from "../../../src/engine/labels.js";
import { containerRequest } from "../../support/container-request.js";

describe("the body of a create call", () => {
  const request = containerRequest({
    image: "i",
    seccompProfile: '{"defaultAction":"SCMP_ACT_ERRNO"}',
    maskedPaths: ["/a", "/b"],
    openStdin: true,
    mounts: [
      { type: "volume", source: "v", target: "/v", readOnly: true, noCopy: true },
      { type: "bind", source: "/host", target: "/b", readOnly: false },
    ],
  });
  const body = containerBody(request, "docker");

  test("leaves nothing that confines to the image or the daemon's configuration", () => {
    expect(body).toMatchObject({
      Healthcheck: { Test: ["NONE"] },
      Volumes: {},
      StdinOnce: true,
      HostConfig: {
        NetworkMode: "none",
        Privileged: false,
        CapDrop: ["ALL"],
        CapAdd: [],
        SecurityOpt: ["no-new-privileges:true", 'seccomp={"defaultAction":"SCMP_ACT_ERRNO"}'],
        MaskedPaths: ["/a", "/b"],
        IpcMode: "private",
        CgroupnsMode: "private",
        LogConfig: { Type: "none" },
        RestartPolicy: { Name: "no" },
        Devices: [],
        Binds: [],
        VolumesFrom: [],
        AutoRemove: false,
      },
    });
  });

  test("gives no swap on top of the memory", () => {
    expect(body["HostConfig"]).toMatchObject({ Memory: request.memoryBytes, MemorySwap: request.memoryBytes });
  });

  test("mounts folders privately, without what is mounted below them, and volumes without the image's files", () => {
    expect(body["HostConfig"]).toMatchObject({
      Mounts: [
        { Type: "volume", Source: "v", Target: "/v", ReadOnly: true, VolumeOptions: { NoCopy: true } },
        {
          Type: "bind",
          Source: "/host",
          ReadOnly: false,
          BindOptions: { Propagation: "rprivate", NonRecursive: true },
        },
      ],
    });
  });

  test("has no undefined field, and a runtime only when one was asked for", () => {
    expect(JSON.parse(JSON.stringify(body))).toEqual(body);
    expect(body["HostConfig"]).not.toHaveProperty("Runtime");
    expect(containerBody({ ...request, runtime: "runsc" }, "docker")["HostConfig"]).toHaveProperty("Runtime", "runsc");
  });

  test("tells Podman the masked paths in its own words", () => {
    const { SecurityOpt } = containerBody(request, "podman")["HostConfig"] as { SecurityOpt: string[] };
    expect(SecurityOpt).toContain("mask=/a:/b");
  });
});

describe("labels", () => {
  test("all must be there; an empty value asks for the label alone", () => {
    expect(labelFilters("docker", { a: "1", b: "" })).toEqual(["a=1", "b"]);
    expect(labelFilters("podman", { a: "1", b: "" })).toEqual(["b"]);
    expect(hasLabels({ a: "1", b: "x" }, { a: "1", b: "" })).toBe(true);
    expect(hasLabels({ a: "1" }, { a: "1", b: "" })).toBe(false);
    expect(hasLabels({ a: "2" }, { a: "1" })).toBe(false);
    expect(hasLabels({}, { constructor: "" })).toBe(false);
  });
});

describe("image names", () => {
  test.each([
    ["debian", "debian", "latest"],
    ["debian:12", "debian", "12"],
    ["registry:5000/a/b", "registry:5000/a/b", "latest"],
    ["registry:5000/a/b:c", "registry:5000/a/b", "c"],
    ["a/b@sha256:00ff", "a/b", "sha256:00ff"],
  ])("%s", (reference, fromImage, tag) => {
    expect(splitReference(reference)).toEqual({ fromImage, tag });
  });
});
