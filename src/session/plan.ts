import type { HomeFile } from "../model/agent.js";
import type { AwsWish } from "../model/aws.js";
import type { GateKey } from "../model/key.js";
import type { NetworkPolicy } from "../model/network.js";
import type {
  BaseKind,
  Layer,
  LayerName,
  Limits,
  PathMode,
  SandboxUser,
  SessionRecord,
  SnapshotReference,
} from "../model/session.js";
import type { TrustRule } from "../model/trust.js";

/** A path that the user asked for with `--path` or in a configuration. */
export interface PathRequest {
  readonly host: string;
  readonly mode: PathMode;
  readonly target?: string | undefined;
  /** Asked for by a project file that the user approved: it may be written through without `allowRw`. */
  readonly approved: boolean;
}

/** What a new session shall be: flags, environment and configuration already merged. */
export interface SessionPlan {
  readonly project: string;
  /** Where relative paths of flags begin. */
  readonly cwd: string;
  readonly name: string | undefined;
  readonly image: string | undefined;
  readonly base: BaseKind | undefined;
  readonly user: SandboxUser;
  readonly runtime: string | undefined;
  readonly limits: Limits;
  readonly paths: readonly PathRequest[];
  readonly allowRw: boolean;
  readonly mask: readonly string[];
  readonly unmask: readonly string[];
  readonly command: readonly string[] | null;
  readonly tty: boolean;
  /** Whether what its terminals show is recorded. */
  readonly isRecorded: boolean;
  /** Whether a snapshot is taken before each tool call that writes; absent: no. */
  readonly takesSnapshots?: boolean | undefined;
  readonly network: NetworkPolicy;
  readonly trust: TrustWish;
  /** Null: no AWS. */
  readonly aws: AwsPlan | null;
  /** Whether hooks of agents inside reach the session's trust; absent: no. */
  readonly hooks?: boolean | undefined;
  /** Keys that the gate puts into requests; they take a network that allows their hosts. */
  readonly keys: readonly GateKey[];
  /** The agent that runs in it; null: none that Airlock prepares. */
  readonly agent: AgentPlan | null;
  /** What it begins on; absent: on nothing but its base. */
  readonly fork?: ForkOrigin | undefined;
}

/** The snapshot that a fork begins on, and whose it is. */
export interface ForkOrigin {
  readonly parent: SessionRecord;
  /** What lies below the fork's layers, from the top down. */
  readonly lower: readonly SnapshotReference[];
  /** The container's own file system, where it was writable. */
  readonly rootImage: string | null;
}

/** What an agent finds in its home, and which of that comes from the user's own. */
export interface AgentPlan {
  readonly name: string;
  readonly home: readonly HomeFile[];
  readonly carried: readonly string[];
}

/** What is asked of AWS, and of which account: somebody agreed to that one. */
export interface AwsPlan {
  readonly wish: AwsWish;
  readonly account: string | null;
  readonly region: string | null;
}

/** What flags and configurations say about the tools before a session begins. */
export interface TrustWish {
  readonly rules: readonly TrustRule[];
  /** Everything is trusted from the start, for the usual time. */
  readonly all: boolean;
}

/** The volume that is a layer's overlay mount. */
export function layerVolume(session: string, layer: LayerName): string {
  return `airlock-${session}-${layer}`;
}

interface LayerBase {
  readonly hostPath: string;
  readonly target: string;
}

/** The layers of a session: the workspace, the home, and one for each copy-on-write path. */
export function planLayers(
  session: string,
  base: BaseKind,
  workspace: LayerBase,
  home: string,
  cow: readonly LayerBase[],
): Layer[] {
  const over = (name: LayerName, { hostPath, target }: LayerBase): Layer => ({
    name,
    hostPath,
    base,
    target,
    volume: layerVolume(session, name),
  });
  return [
    over("workspace", workspace),
    { name: "home", hostPath: null, base: "empty", target: home, volume: layerVolume(session, "home") },
    ...cow.map((path, index) => over(`path-${index + 1}`, path)),
  ];
}
