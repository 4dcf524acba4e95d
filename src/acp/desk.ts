import type { AskedCall } from "../hooks/map-permission.js";
import type { JournalEvent } from "../model/journal.js";
import type { AskEditor } from "./editor-questions.js";
import type { MapPath, PermissionOption } from "./protocol.js";

/** A permission that the agent wants. */
export interface Wanted {
  readonly use: string;
  readonly call: AskedCall;
  /** Where the agent works, inside. */
  readonly folder: string;
}

/** What becomes of it. `option`: the very one that was chosen at the editor. */
export type Permission =
  | { readonly kind: "allow" | "deny"; readonly why: string; readonly option: PermissionOption | null }
  | { readonly kind: "cancelled" };

/** Everything that a relay needs of the session that it stands before. */
export interface AcpDesk {
  /** The folder inside of a folder of the host; null: it is not in the project. */
  folderInside(cwd: string): Promise<string | null>;
  readonly toInside: MapPath;
  readonly toHost: MapPath;
  /** Whether a file of the host is hidden from the sandbox. */
  isHidden(path: string): Promise<boolean>;
  record(event: JournalEvent): Promise<void>;
  decide(wanted: Wanted, ask: AskEditor, signal: AbortSignal): Promise<Permission>;
  /** The agent is switched to asking nobody, or back. To be waited for before it is. */
  noticeMode(isUnasked: boolean): Promise<void>;
  /** A word to the person, beside the protocol. */
  say(text: string): void;
}
