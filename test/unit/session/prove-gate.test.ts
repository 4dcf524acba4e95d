import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { Rules } from "../../../src/gate/rules.js";
import type { NetworkMode } from "../../../src/model/network.js";
import { ProvingPolicy, proveGate } from "../../../src/session/network/prove-gate.js";
import { forwardFrame } from "../../../src/wire/frames.js";
import { WireStream } from "../../../src/wire/stream.js";

const policyOf = (mode: NetworkMode): ProvingPolicy =>
  new ProvingPolicy({ rules: () => new Rules({ mode, rules: [] }), fixedAddress: () => undefined }, mode);

/** What is at the other end of the wire: it is given what a client of the proxy says, and answers. */
type Proxy = (asked: string, answer: (text: string) => void, end: () => void) => void;

function wireTo(proxy: Proxy) {
  let id = 0;
  return {
    openForward(port: number): WireStream {
      id += 2;
      expect(forwardFrame(id, port).readUInt16BE(9)).toBe(3128);
      const stream: WireStream = new WireStream(
        {
          send: () => undefined,
          sendData: (_, data) =>
            queueMicrotask(() =>
              proxy(
                data.toString(),
                (text) => stream.takeData(Buffer.from(text)),
                () => void stream.takeEnd(),
              ),
            ),
          isBlocked: false,
          wait: () => undefined,
          forget: () => undefined,
        },
        id,
        null,
      );
      return stream;
    },
  };
}

const established = "HTTP/1.1 200 Connection established\r\n\r\n";
const forbidden = "HTTP/1.1 403 Forbidden\r\n\r\n";
const parse = (asked: string) => {
  const [, host = "", port = "", word = ""] = /^CONNECT ([^:]+):(\d+) HTTP\/1.1\r\n\r\n(.*)$/s.exec(asked) ?? [];
  return { host, port: Number(port), word };
};

/** As a gate does, by what the policy says. */
const honest =
  (policy: ProvingPolicy): Proxy =>
  (asked, answer, end) => {
    const { host, port, word } = parse(asked);
    const { verdict } = policy.rules().decide({ kind: "name", text: host }, port, Date.now());
    if (verdict !== "allow") {
      answer(forbidden);
      end();
      return;
    }
    const socket = connect(port, policy.fixedAddress(host) ?? "192.0.2.1", () => socket.write(word));
    answer(established);
    socket.on("data", (chunk: Buffer) => {
      answer(chunk.toString());
      socket.destroy();
    });
  };

describe("the proof of a gate", () => {
  it.each<NetworkMode>(["policy", "ask", "open"])(
    "is given by one that decides by the policy, mode %s",
    async (mode) => {
      const policy = policyOf(mode);
      await proveGate(wireTo(honest(policy)), policy);
    },
  );

  it.each<[string, Proxy, string]>([
    ["lets everything through", (asked, answer) => answer(established + parse(asked).word), "was not refused"],
    ["refuses everything", (_, answer) => answer(forbidden), "did not come through"],
    ["answers without having connected", (_, answer) => answer(established), "was not refused"],
  ])("fails for one that %s", async (_, proxy, why) => {
    const ending: Proxy = (asked, answer, end) => {
      proxy(asked, answer, end);
      end();
    };
    await expect(proveGate(wireTo(ending), policyOf("policy"))).rejects.toMatchObject({
      code: "E_WIRE_BROKEN",
      message: expect.stringContaining(why),
    });
  });

  it("fails for a policy that allows what nobody wrote down", async () => {
    const policy = new ProvingPolicy(
      { rules: () => new Rules({ mode: "open", rules: [] }), fixedAddress: () => "127.0.0.1" },
      "policy",
    );
    const lenient: Proxy = (asked, answer, end) => {
      const { host, port, word } = parse(asked);
      const { verdict } = policy.rules().decide({ kind: "name", text: host }, port, Date.now());
      answer(verdict === "allow" ? established + word : forbidden);
      end();
    };
    await expect(proveGate(wireTo(lenient), policy)).rejects.toThrow("was not refused");
  });

  it("leaves nothing open", async () => {
    const policy = policyOf("policy");
    await proveGate(wireTo(honest(policy)), policy);
    const verdict = policy.rules().decide({ kind: "name", text: policy.answered }, 443, Date.now());
    expect(verdict).toMatchObject({ verdict: "deny" });
    expect(policy.fixedAddress(policy.answered)).toBeUndefined();
  });
});
