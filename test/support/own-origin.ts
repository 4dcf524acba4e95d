import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer as createHttp, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";

/** Servers of the test's own on this machine's loopback, under names that exist nowhere else. */
export interface OwnOrigin extends AsyncDisposable {
  readonly http: number;
  readonly https: number;
  readonly ssh: number;
  /** The certificate that clients shall trust. */
  readonly certificate: string;
  /** What was asked for: `name method path`. */
  readonly seen: string[];
  /** With which headers, and which body where there was one. */
  readonly heard: string[];
}

const names = ["web.test.example", "git.test.example", "index.test.example"];

function makeCertificate(folder: string): { readonly key: Buffer; readonly cert: Buffer } {
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const alternatives = names.map((name) => `DNS:${name}`).join(",");
  execFileSync(
    "openssl",
    [
      ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=airlock-test".split(" "),
      ...["-addext", `subjectAltName=${alternatives}`, "-keyout", key, "-out", cert],
    ],
    { stdio: "ignore" },
  );
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

function makeRepository(folder: string): void {
  const work = join(folder, "work");
  mkdirSync(work);
  const git = (...args: string[]): void => {
    const identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"];
    execFileSync("git", [...identity, ...args], { cwd: work, stdio: "ignore" });
  };
  git("init");
  writeFileSync(join(work, "file.txt"), "from git\n");
  git("add", ".");
  git("commit", "-m", "one");
  git("clone", "--bare", work, join(folder, "www/repo.git"));
  execFileSync("git", ["update-server-info"], { cwd: join(folder, "www/repo.git") });
}

function acceptWebSocket(request: IncomingMessage, socket: Duplex): void {
  const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash("sha1").update(key).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.write(Buffer.from([0x81, 5, ...Buffer.from("hello")]));
  socket.on("error", () => undefined);
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

// A folder is its index.html.
function servedFile(root: string, url: string): string | null {
  const path = join(root, url.split("?")[0] ?? "");
  const found = [path, join(path, "index.html")].find((each) => existsSync(each) && statSync(each).isFile());
  return found ?? null;
}

/** Starts them; `folder` is the caller's to remove. */
export async function startOwnOrigin(folder: string): Promise<OwnOrigin> {
  mkdirSync(join(folder, "www"), { recursive: true });
  const { key, cert } = makeCertificate(folder);
  makeRepository(folder);
  const seen: string[] = [];
  const heard: string[] = [];
  const answer: RequestListener = (request, response) => {
    seen.push(`${request.headers.host?.split(":")[0]} ${request.method} ${request.url}`);
    heard.push(JSON.stringify(request.rawHeaders));
    const path = servedFile(join(folder, "www"), request.url ?? "/");
    if (request.url?.startsWith("/bytes/") === true) {
      const size = Number(request.url.slice(7));
      response.writeHead(200, { "content-length": size });
      sendZeros(response, size);
    } else if (request.method === "POST") {
      let size = 0;
      request.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (chunk.length < 1_000) heard.push(chunk.toString());
      });
      request.on("end", () => response.end(`${size}\n`));
    } else if (path !== null) {
      if (path.endsWith(".html")) response.setHeader("content-type", "text/html");
      createReadStream(path).pipe(response);
    } else if (request.url === "/") response.end("hello from the origin\n");
    else response.writeHead(404).end();
  };
  const plain = createHttp(answer).on("upgrade", (request, socket) => acceptWebSocket(request, socket));
  const secure = createHttps({ key, cert }, answer).on("upgrade", (request, socket) =>
    acceptWebSocket(request, socket),
  );
  const ssh = createServer((socket) => {
    socket.on("error", () => undefined).write("SSH-2.0-test\r\n");
    socket.on("data", (chunk: Buffer) => socket.end(`you said ${chunk.toString()}`));
  });
  const servers: readonly Server[] = [plain, secure, ssh];
  const [http = 0, https = 0, port = 0] = await Promise.all(servers.map(listen));
  return {
    http,
    https,
    ssh: port,
    certificate: cert.toString(),
    seen,
    heard,
    async [Symbol.asyncDispose]() {
      plain.closeAllConnections();
      secure.closeAllConnections();
      for (const server of servers) server.close();
    },
  };
}

function sendZeros(to: NodeJS.WritableStream, size: number): void {
  const block = Buffer.alloc(262_144);
  let left = size;
  const more = (): void => {
    while (left > 0) {
      const piece = block.subarray(0, Math.min(left, block.length));
      left -= piece.length;
      if (!to.write(piece)) return;
    }
    to.end();
  };
  to.on("drain", more);
  more();
}
