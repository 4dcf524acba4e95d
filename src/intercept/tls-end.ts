import type { Duplex } from "node:stream";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { connectedPair } from "./pair.js";
import type { SessionCa } from "./session-ca.js";

const handshakeMs = 20_000;

/** Why a handshake failed: by its code, never by what the client wrote. Many clients break off without a word when they do not trust. */
function reasonOf(error: Error | null): string {
  const code = error !== null && "code" in error && typeof error.code === "string" ? error.code : "";
  const how = /^[A-Z0-9_]{1,80}$/.test(code) ? ` (${code})` : "";
  return `TLS ends at the gate for this host, and the program broke it off${how}: if it does not trust the session's certificate, start it again or give it SSL_CERT_FILE`;
}

interface Waiting {
  readonly host: string;
  readonly opened: (socket: TLSSocket) => void;
  readonly broken: (why: string) => void;
}

interface TlsOpening {
  readonly socket: Duplex;
  /** Why the handshake is not over. */
  readonly unfinished: () => string | null;
}

/** Ends TLS in the place of hosts, with a certificate of the session's authority for each. */
export class TlsEnd {
  readonly #ca: SessionCa;

  constructor(ca: SessionCa) {
    this.#ca = ca;
  }

  /** A connection whose other end speaks TLS as this host; `opened` gets what is within it. */
  async begin({ host, opened, broken }: Waiting): Promise<TlsOpening> {
    const [ours, theirs] = connectedPair();
    const server: Server = createServer({
      ALPNProtocols: ["h2", "http/1.1"],
      handshakeTimeout: handshakeMs,
      // The name was compared before a byte came here. A leaf for any other is not made, whatever is asked for.
      SNICallback: (name, done) => {
        if (name.toLowerCase().replace(/\.$/, "") !== host) return done(new Error("another name"));
        this.#ca.leafFor(host).then(
          (context) => done(null, context),
          (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
        );
      },
    });
    let isOpen = false;
    server.once("secureConnection", (socket) => {
      isOpen = true;
      opened(socket);
    });
    server.once("tlsClientError", (error) => broken(reasonOf(error)));
    server.emit("connection", theirs);
    return { socket: ours, unfinished: () => (isOpen ? null : reasonOf(null)) };
  }
}
