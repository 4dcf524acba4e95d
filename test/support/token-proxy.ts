import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A way to the server for programs that cannot send a token: it adds the header, and hands on everything else as it came. */
export class TokenProxy implements AsyncDisposable {
  readonly #server: Server;

  private constructor(target: URL, token: string) {
    this.#server = createServer((message, response) => {
      const headers = { ...message.headers, authorization: `Bearer ${token}` };
      const { hostname, port } = target;
      const onward = request({ hostname, port, path: message.url, method: message.method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        response.flushHeaders();
        answer.pipe(response);
      });
      onward.on("error", () => response.destroy());
      response.on("close", () => onward.destroy());
      message.pipe(onward);
    });
  }

  static async start(target: string, token: string): Promise<TokenProxy> {
    const proxy = new TokenProxy(new URL(target), token);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/mcp`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
