import { DisposeStack } from "../base/dispose.js";
import { KnownValues } from "../base/known-values.js";
import { connectEngine } from "../engine/connect.js";
import { type FoundEngine, findEngine } from "../engine/endpoint.js";
import type { Engine, ImageState } from "../model/engine.js";
import type { RecordEvent } from "../model/journal.js";
import type { KeeperClient } from "../workspace/keeper-client.js";
import { groupRecorder } from "./group-recorder.js";
import { type AirlockHome, journalPaths, openHome } from "./home.js";
import { requireImage } from "./image.js";
import { ensureKeeper, type RunningKeeper } from "./keeper.js";

/** What the outer world gives a command; the CLI's edge fits. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homedir: string;
  readonly platform: string;
  readonly uid: number;
  readonly gid: number;
  readonly imageHash: string;
  /** Folder of the checkout or of the installed package. */
  readonly packageRoot: string;
  readonly signal: AbortSignal;
  /** `--engine`. */
  readonly engineAddress: string | undefined;
  /** Told of what takes long. */
  readonly onProgress: (step: string, detail: string) => void;
}

/** The repository of Airlock's own image; the tag is the hash of what it is made of. */
export const sandboxRepository = "airlock/sandbox";

const keeperCommand = ["/usr/bin/python3", "-I", "-S", "-B", "/usr/lib/airlock/keeper/main.py"];

/** Where the session verbs work: the state folder, one engine connection and one keeper connection, opened when first needed. */
export class Workbench implements AsyncDisposable {
  readonly home: AirlockHome;
  readonly surroundings: Surroundings;
  readonly sandboxImage: string;
  /** What this command was given in confidence: no journal and no recording shows it. */
  readonly known = new KnownValues();
  readonly #stack = new DisposeStack();
  readonly #closing = new AbortController();
  #found: Promise<FoundEngine> | null = null;
  #engine: Promise<Engine> | null = null;
  #keeper: Promise<RunningKeeper> | null = null;
  #client: Promise<KeeperClient> | null = null;
  #second: Promise<KeeperClient> | null = null;
  #image: Promise<ImageState> | null = null;
  readonly #recorders = new Map<string, RecordEvent>();

  constructor(home: AirlockHome, surroundings: Surroundings) {
    this.home = home;
    this.surroundings = surroundings;
    this.sandboxImage = `${sandboxRepository}:${surroundings.imageHash}`;
  }

  get signal(): AbortSignal {
    return this.surroundings.signal;
  }

  /** Which engine is used, and why. */
  foundEngine(): Promise<FoundEngine> {
    this.#found ??= findEngine({
      ...this.surroundings,
      explicit: this.surroundings.engineAddress,
      airlockHome: this.home.path,
    });
    return this.#found;
  }

  engine(): Promise<Engine> {
    this.#engine ??= this.#connectEngine();
    return this.#engine;
  }

  async #connectEngine(): Promise<Engine> {
    const { endpoint } = await this.foundEngine();
    const signal = AbortSignal.any([this.signal, this.#closing.signal]);
    return this.#stack.use(await connectEngine(endpoint, { signal }));
  }

  /** The keeper's container, made or started when it is not there. */
  keeperContainer(): Promise<RunningKeeper> {
    this.#keeper ??= this.engine().then((engine) =>
      ensureKeeper(engine, this.home, { tag: this.sandboxImage, hash: this.surroundings.imageHash }),
    );
    return this.#keeper;
  }

  /** The image that a new session is made of, Airlock's own unless told. */
  image(reference: string | undefined): Promise<ImageState> {
    if (reference !== undefined) return requireImage(this, reference);
    this.#image ??= requireImage(this, this.sandboxImage);
    return this.#image;
  }

  /** Begins what every new session needs, while its options are still being read. What fails is thrown where it is needed. */
  prepare(): void {
    const capacity = this.engine().then((engine) => engine.capacity());
    for (const begun of [capacity, this.image(undefined), this.keeper()]) {
      begun.catch(() => undefined);
    }
  }

  /** The connection to the keeper that this command's requests share. */
  keeper(): Promise<KeeperClient> {
    this.#client ??= this.connectKeeper().then((client) => this.#stack.use(client));
    return this.#client;
  }

  /** A second connection, for reading contents while the first one lists. */
  contentKeeper(): Promise<KeeperClient> {
    this.#second ??= this.connectKeeper().then((client) => this.#stack.use(client));
    return this.#second;
  }

  /** A connection of its own, for something that keeps talking (`watch`). */
  async connectKeeper(): Promise<KeeperClient> {
    const [engine, { container, socketFolder }] = await Promise.all([this.engine(), this.keeperContainer()]);
    // Loaded now, with its schemas: while the engine is at work on what was asked of it before.
    const [{ KeeperClient }, { connectResident }] = await Promise.all([
      import("../workspace/keeper-client.js"),
      import("../workspace/resident-keeper.js"),
    ]);
    const resident = socketFolder === null ? null : await connectResident(socketFolder, this.surroundings.uid);
    if (resident !== null) return resident;
    return new KeeperClient(
      await engine.exec({ container, command: keeperCommand, user: "0:0", workingDirectory: "/", tty: false }),
    );
  }

  /** Writes to a session's journal. */
  recorder(session: string): RecordEvent {
    const known = this.#recorders.get(session) ?? groupRecorder(journalPaths(this.home, session), this.known);
    this.#recorders.set(session, known);
    return known;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What was begun and never waited for must be closed as well.
    this.#closing.abort();
    await Promise.allSettled([this.#engine, this.#client, this.#second]);
    await this.#stack[Symbol.asyncDispose]();
  }
}

/** Opens the state folder and makes the workbench; nothing is connected yet. */
export async function openWorkbench(surroundings: Surroundings): Promise<Workbench> {
  return new Workbench(await openHome(surroundings), surroundings);
}
