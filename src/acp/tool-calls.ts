import type { AskedCall } from "../hooks/map-permission.js";

/** What an agent has said of one of its tool calls: what it says later comes over what it said before, as in its editor. */
interface ToolCall {
  readonly status: string | null;
  readonly asked: AskedCall;
  /** What it shows, a text or what it changes: the next word of it takes the place of all of this. */
  readonly content: readonly unknown[];
}

type Fields = Readonly<Record<string, unknown>>;

const mostCalls = 512;
const mostInput = 256 * 1024;
const mostPlaces = 64;

const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null);

// Where it is, and what it shows as changed.
function placesOf({ locations, content }: Fields): string[] | null {
  const lists = [locations, content].filter(Array.isArray) as (readonly unknown[])[];
  if (lists.length === 0) return null;
  return lists.flat().flatMap((each) => {
    const path = typeof each === "object" && each !== null && "path" in each ? each.path : null;
    return typeof path === "string" ? [path] : [];
  });
}

const unknownCall: ToolCall = {
  status: null,
  asked: { kind: null, title: null, input: null, places: [] },
  content: [],
};

function merged(before: ToolCall, said: Fields): ToolCall {
  const { asked } = before;
  // A place that was named once is judged, also where a later word names others.
  const places = [...new Set([...asked.places, ...(placesOf(said) ?? [])])];
  return {
    status: textOf(said["status"]) ?? before.status,
    asked: {
      kind: textOf(said["kind"]) ?? asked.kind,
      title: textOf(said["title"]) ?? asked.title,
      input: said["rawInput"] ?? asked.input,
      places,
    },
    content: Array.isArray(said["content"]) ? said["content"] : before.content,
  };
}

/** The tool calls that an agent has told of, the newest of them; those that are over are forgotten. */
export class ToolCalls {
  readonly #calls = new Map<string, ToolCall>();

  /** Whether the agent told of it, and has not said that it is over. */
  has(session: string, id: string): boolean {
    return this.#calls.has(`${session}\0${id}`);
  }

  /** Takes what is said of a call, and gives what is known of it by now; `isNews`: there is something that the journal has not. */
  take(session: string, id: string, said: Fields): ToolCall & { readonly isNews: boolean } {
    const key = `${session}\0${id}`;
    const before = this.#calls.get(key);
    const now = merged(before ?? unknownCall, said);
    const isOver = now.status === "completed" || now.status === "failed";
    if (isOver || !this.#isKept(now)) this.#calls.delete(key);
    else this.#calls.set(key, now);
    const [oldest] = this.#calls.keys();
    if (this.#calls.size > mostCalls && oldest !== undefined) this.#calls.delete(oldest);
    return { ...now, isNews: before === undefined || isOver };
  }

  // What is too large to be remembered has to be said whole where a permission is asked for.
  #isKept({ asked, content }: ToolCall): boolean {
    const size = JSON.stringify([asked.title, asked.input, content]).length;
    return size <= mostInput && asked.places.length <= mostPlaces;
  }
}
