import * as z from "zod/mini";
import { AirlockError } from "../base/errors.js";

/*
 * What engines answer, cut down to what Airlock uses. Fields that an engine adds are dropped, a field that is missing or
 * of another type is an error: nothing is decided on a guess. Engines send null for every empty list and map.
 */
const text = z._default(z.string(), "");
const strings = nullable(z.array(z.string()), []);
const stringMap = nullable(z.record(z.string(), z.string()), {});
const anyMap = nullable(z.record(z.string(), z.unknown()), {});

function nullable<T extends z.ZodMiniType>(schema: T, empty: z.output<T>) {
  return z.pipe(
    z.nullish(schema),
    z.transform((value): z.output<T> => (value ?? empty) as z.output<T>),
  );
}

export const createdAnswer = z.object({ Id: z.string() });

export const waitAnswer = z.object({
  StatusCode: z.number(),
  Error: z.nullish(z.object({ Message: text })),
});

export const containerAnswer = z.object({
  Id: z.string(),
  Name: z.string(),
  Image: z.string(),
  Config: z.object({ Image: z.string(), Labels: stringMap, Tty: z._default(z.boolean(), false) }),
  State: z.object({
    Status: z.string(),
    Pid: z.number(),
    ExitCode: z.number(),
    OOMKilled: z._default(z.boolean(), false),
    StartedAt: text,
    FinishedAt: text,
  }),
  Mounts: nullable(
    z.array(
      z.object({
        Type: text,
        Name: z.optional(z.string()),
        Source: text,
        Destination: z.string(),
        RW: z.boolean(),
        Propagation: text,
      }),
    ),
    [],
  ),
});

export const containerListAnswer = z.array(
  z.object({ Id: z.string(), Names: strings, Image: z.string(), Labels: stringMap, State: z.string() }),
);

export const execAnswer = z.object({ Running: z.boolean(), ExitCode: z.nullish(z.number()) });

export const volumeAnswer = z.object({
  Name: z.string(),
  Driver: z.string(),
  Labels: stringMap,
  Mountpoint: z.string(),
  Options: stringMap,
});

export const volumeListAnswer = z.object({ Volumes: nullable(z.array(volumeAnswer), []) });

export const imageAnswer = z.object({
  Id: z.string(),
  RepoTags: strings,
  Size: z.number(),
  Created: z.string(),
  Architecture: z.string(),
  Config: nullable(z.object({ Labels: stringMap, Volumes: anyMap, Env: strings }), {
    Labels: {},
    Volumes: {},
    Env: [],
  }),
});

export const imageListAnswer = z.array(z.object({ Id: z.string() }));

export const versionAnswer = z.object({
  Version: z.string(),
  ApiVersion: z.string(),
  Components: nullable(z.array(z.object({ Name: z.string(), Version: text })), []),
});

export const infoAnswer = z.object({
  OperatingSystem: text,
  Architecture: z.string(),
  Runtimes: anyMap,
  DefaultRuntime: text,
  SecurityOptions: strings,
  CgroupVersion: z._default(z.string(), "1"),
  MemoryLimit: z._default(z.boolean(), false),
  PidsLimit: z._default(z.boolean(), false),
  NCPU: z.number(),
  MemTotal: z.number(),
  DockerRootDir: z.string(),
});

/** One line of the output of a build, a pull or an import. */
export const progressAnswer = z.object({
  stream: z.optional(z.string()),
  status: z.optional(z.string()),
  id: z.optional(z.string()),
  error: z.optional(z.string()),
  errorDetail: z.optional(z.object({ message: z.optional(z.string()) })),
  aux: z.optional(z.object({ ID: z.optional(z.string()) })),
});

/** Reads an engine's answer, or fails with the field that is not as it must be. */
export function parseAnswer<T extends z.ZodMiniType>(schema: T, answer: unknown, what: string): z.output<T> {
  const parsed = z.safeParse(schema, answer);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? "" : ` at ${issue.path.join(".")}`;
  throw new AirlockError("E_ENGINE_ANSWER", `the engine's answer about ${what} cannot be understood${where}`, {
    hint: "see whether something else than a container engine answers there",
    cause: parsed.error,
  });
}
