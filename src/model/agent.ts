/** A file that lies in a sandbox's home before anything runs. */
export interface HomeFile {
  /** Below the home, with `/` between its names. */
  readonly path: string;
  readonly content: string;
}

/** How an agent's program gets into its image. */
export type AgentInstall =
  /** One archive of npm's for each kind of machine, which the lock file names with its hash. */
  | { readonly kind: "npm"; readonly programs: readonly ProgramLink[] }
  /** An archive that its vendor gives to who asks for it. */
  | { readonly kind: "archive"; readonly programs: readonly ProgramLink[]; readonly page: string }
  /** It is in an image of the user's already. */
  | { readonly kind: "image"; readonly image: string };

/** A program, and where in the archive it stands. */
export interface ProgramLink {
  readonly name: string;
  readonly path: string;
}

/** A secret of the user's that the agent needs: it stays on the host, and the gate puts it into requests for these hosts. */
export interface AgentKey {
  readonly variable: string;
  readonly hosts: readonly string[];
  /** What another address of the service is read from; its host takes the place of the usual ones. */
  readonly baseUrl?: string;
}

/** What of the user's own configuration is taken along, below the home on both sides. */
export type CarriedFile =
  /** Of a JSON file these keys, at its top. */
  | { readonly kind: "json"; readonly path: string; readonly keys: readonly string[] }
  /** Texts: one file, or all with this ending below a folder. */
  | { readonly kind: "text"; readonly path: string; readonly ending?: string };

/** How an agent is started. */
export interface AgentTask {
  /** It asks for nothing any more. */
  readonly trustAll: boolean;
  /** What it shall do; null: a person types that. */
  readonly prompt: string | null;
  /** A person sits there. */
  readonly isInteractive: boolean;
  /** Its hooks ask Airlock about its own tools. */
  readonly hasHooks: boolean;
  /** Further arguments, which come before the prompt. */
  readonly more: readonly string[];
}

/** The same, once it is known where. */
export interface AgentStart extends AgentTask {
  /** The project's folder inside. */
  readonly workspace: string;
  /** Placeholders of the keys by variable. */
  readonly keys: ReadonlyMap<string, string>;
}

/** How an agent speaks the Agent Client Protocol, by which editors run agents. */
export interface AgentAcp {
  readonly command: (task: AgentTask) => readonly string[];
  /** A program beside the agent's own that does it, and its package of npm's: it has to be in the image; absent: the agent does it itself. */
  readonly adapter?: { readonly program: string; readonly npm: string };
}

/** All that Airlock knows of an agent. */
export interface AgentProfile {
  readonly name: string;
  readonly title: string;
  readonly install: AgentInstall;
  /** Presets of hosts, and hosts beside them. */
  readonly presets: readonly string[];
  readonly hosts?: readonly string[];
  readonly keys: readonly AgentKey[];
  readonly environment: Readonly<Record<string, string>>;
  /** Variables of the host that are no secrets and that it goes by. */
  readonly passedOn: readonly string[];
  readonly carried: readonly CarriedFile[];
  /** Where the agent itself reads what it always has to know; null: nowhere. */
  readonly memory: string | null;
  readonly command: (task: AgentTask) => readonly string[];
  /** Null: nobody said how. */
  readonly acp: AgentAcp | null;
  /** What answers the questions of a first start, over what was carried. */
  readonly settings: (start: AgentStart) => readonly SettingsFile[];
}

/** A file of settings: JSON that is merged over what was carried, or a text. */
export type SettingsFile =
  | { readonly path: string; readonly json: Readonly<Record<string, unknown>> }
  | { readonly path: string; readonly text: string };

/** An agent as a user's configuration describes it. */
export interface CustomAgent {
  readonly image: string;
  readonly command: readonly string[];
  readonly prompt?: readonly string[];
  readonly trustAll?: readonly string[];
  readonly acp?: readonly string[];
  readonly presets?: readonly string[];
  readonly allow?: readonly string[];
  readonly keys?: Readonly<Record<string, readonly string[]>>;
  readonly env?: Readonly<Record<string, string | number | boolean>>;
  readonly memory?: string;
}
