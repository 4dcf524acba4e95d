import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { AirlockError } from "../../base/errors.js";
import { newToken } from "../../base/ids.js";
import type { PolicySource } from "../../gate/admission.js";
import type { HeldWire } from "../../gate/hold-wire.js";
import type { NetworkMode } from "../../model/network.js";
import type { WireStream } from "../../wire/stream.js";
import { hatchProxyPort } from "./hatch.js";

const patienceMs = 10_000;
const maxAnswer = 4_096;

/**
 * A policy that knows two names more while a gate is proved: one that it answers itself, and one that it refuses. Nobody else can guess
 * them, and afterwards they are names like any other.
 */
export class ProvingPolicy implements PolicySource {
  readonly #policy: PolicySource;
  readonly #mode: NetworkMode;
  readonly answered = `${newToken(16)}.self-test.invalid`;
  readonly refused = `${newToken(16)}.self-test.invalid`;
  /** Connections to come that are a proof, and not the sandbox's. */
  readonly proofs = new Set([this.answered, this.refused]);
  #port = 0;

  constructor(policy: PolicySource, mode: NetworkMode) {
    this.#policy = policy;
    this.#mode = mode;
  }

  /** The port on this machine that answers for the one name; 0 when there is none any more. */
  answerAt(port: number): void {
    this.#port = port;
  }

  rules(): ReturnType<PolicySource["rules"]> {
    const rules = this.#policy.rules();
    if (this.#port === 0) return rules;
    const rule = { rule: "self-test", private: true, open: false };
    return {
      decide: (host, port, now) => {
        if (host.text === this.answered && port === this.#port) return { verdict: "allow", ...rule };
        // By policy it is refused as every other name that no rule allows; otherwise it would be allowed, or asked about.
        if (host.text === this.refused && this.#mode !== "policy") return { verdict: "deny", ...rule };
        return rules.decide(host, port, now);
      },
    };
  }

  fixedAddress(name: string): string | undefined {
    return this.#port > 0 && name === this.answered ? "127.0.0.1" : this.#policy.fixedAddress(name);
  }
}

/** What comes on a stream, until it is enough or over. */
function answerOf(stream: WireStream, isEnough: (text: string) => boolean): Promise<string> {
  let text = "";
  return new Promise((resolve) => {
    stream.events = {
      onData(piece) {
        text += piece.toString("latin1");
        stream.consumed(piece.length);
        if (isEnough(text) || text.length > maxAnswer) resolve(text);
      },
      onEnd: () => resolve(text),
      onDrain: () => undefined,
      onClose: () => resolve(text),
    };
  });
}

/** Asks the hatch's proxy as a program inside would, for a host, and sends a word to it. */
async function tryHost(wire: Pick<HeldWire, "openForward">, authority: string, word: string): Promise<string> {
  const stream = wire.openForward(hatchProxyPort);
  if (stream === null) return "";
  const answer = answerOf(stream, (text) => text.endsWith(word));
  stream.write(Buffer.from(`CONNECT ${authority} HTTP/1.1\r\n\r\n${word}`));
  try {
    return await Promise.race([answer, sleep(patienceMs, "", { ref: false })]);
  } finally {
    stream.reset();
  }
}

const unproved = (what: string): AirlockError =>
  new AirlockError("E_WIRE_BROKEN", `the network could not be proved: ${what}`, {
    hint: "nothing was connected; try again, and report it if it stays",
  });

async function startEcho(): Promise<Server> {
  const echo = createServer((socket) => void socket.on("error", () => undefined).pipe(socket));
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  return echo;
}

/**
 * Proves a gate before anything depends on it, by the way that a program inside takes: through the hatch's listener, both ways over the
 * wire, the policy, and a connection that the gate makes. Throws when what no rule allows is not refused, or what one allows not answered.
 */
export async function proveGate(wire: Pick<HeldWire, "openForward">, policy: ProvingPolicy): Promise<void> {
  const echo = await startEcho();
  try {
    const address = echo.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    policy.answerAt(port);
    const word = newToken(16);
    const [answered, refused] = await Promise.all([
      tryHost(wire, `${policy.answered}:${port}`, word),
      tryHost(wire, `${policy.refused}:443`, word),
    ]);
    if (!refused.startsWith("HTTP/1.1 403 ")) throw unproved("a host that no rule allows was not refused");
    if (!answered.startsWith("HTTP/1.1 200 ") || !answered.endsWith(word))
      throw unproved("a connection that is allowed did not come through");
  } finally {
    policy.answerAt(0);
    echo.close();
  }
}
