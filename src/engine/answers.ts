import * as z from "zod/mini";

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

const created = z.object({ Id: z.string() });

const wait = z.object({
  StatusCode: z.number(),
  Error: z.nullish(z.object({ Message: text })),
});

const container = z.object({
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

const containerList = z.array(
  z.object({ Id: z.string(), Names: strings, Image: z.string(), Labels: stringMap, State: z.string() }),
);

const exec = z.object({ Running: z.boolean(), ExitCode: z.nullish(z.number()) });

const volume = z.object({
  Name: z.string(),
  Driver: z.string(),
  Labels: stringMap,
  Mountpoint: z.string(),
  Options: stringMap,
});

const volumeList = z.object({ Volumes: nullable(z.array(volume), []) });

const image = z.object({
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

const imageList = z.array(z.object({ Id: z.string() }));

const version = z.object({
  Version: z.string(),
  ApiVersion: z.string(),
  Components: nullable(z.array(z.object({ Name: z.string(), Version: text })), []),
});

const info = z.object({
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
const progress = z.object({
  stream: z.optional(z.string()),
  status: z.optional(z.string()),
  id: z.optional(z.string()),
  error: z.optional(z.string()),
  errorDetail: z.optional(z.object({ message: z.optional(z.string()) })),
  aux: z.optional(z.object({ ID: z.optional(z.string()) })),
});

const schemas = {
  created,
  wait,
  container,
  containerList,
  exec,
  volume,
  volumeList,
  image,
  imageList,
  version,
  info,
  progress,
} as const;

/** The answers, as they are read, by what is asked about. */
export type Answers = { readonly [K in keyof typeof schemas]: z.output<(typeof schemas)[K]> };

/** Parses an answer; of one that is not as it must be it says where. */
export function parseAnswer<K extends keyof Answers>(
  kind: K,
  answer: unknown,
): { readonly data: Answers[K] } | { readonly where: string; readonly cause: Error } {
  const schema: z.ZodMiniType = schemas[kind];
  const parsed = z.safeParse(schema, answer);
  if (parsed.success) return { data: parsed.data as Answers[K] };
  return { where: (parsed.error.issues[0]?.path ?? []).join("."), cause: parsed.error };
}
