import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const cache = new URL("../../.cache/test-clients", import.meta.url).pathname;

/** Programs of other languages, each with its own way of finding and dialling a host. They print what the URLs they are given answer. */
export const foreignClients = {
  /** Static, with Go's own resolver. */
  go: { version: 1, program: "client", make: makeGoClient },
  /** A runtime image with java.net.http and the older URL class. */
  java: { version: 1, program: "bin/java", make: makeJavaClient },
  /** One file that holds its runtime. */
  bun: { version: 1, program: "client", make: makeBunClient },
} as const;

const goSource = `package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	for _, url := range os.Args[1:] {
		response, err := http.Get(url)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		io.Copy(os.Stdout, response.Body)
	}
}
`;

const javaSource = `
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

public class Client {
  public static void main(String[] urls) throws Exception {
    HttpClient client = HttpClient.newHttpClient();
    for (String url : urls) {
      System.out.print(client.send(HttpRequest.newBuilder(URI.create(url)).build(), BodyHandlers.ofString()).body());
      System.out.print(new String(new URL(url).openStream().readAllBytes()));
    }
  }
}
`;

const bunSource = "for (const url of process.argv.slice(2)) process.stdout.write(await (await fetch(url)).text());\n";

const bunVersion = "1.4.5";

/** Makes one, once for this checkout, and gives the folder that holds it. What is missing for that is installed. */
export async function foreignClient(name: keyof typeof foreignClients): Promise<string> {
  const { version, program, make } = foreignClients[name];
  const folder = join(cache, `${name}-${version}`);
  if (existsSync(join(folder, program))) return folder;
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, "making-"));
  try {
    await make(work);
    await rm(folder, { recursive: true, force: true });
    await rename(join(work, "made"), folder);
    return folder;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

// As scripts/engine does with what it needs: Debian's packages, as root.
async function requireProgram(program: string, packages: readonly string[]): Promise<void> {
  if (
    await run(program, ["--help"]).then(
      () => true,
      ({ code }: { code: unknown }) => code !== "ENOENT",
    )
  )
    return;
  const apt = (...args: string[]) =>
    run("apt-get", args, { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" } });
  const install = () => apt("install", "-y", "--no-install-recommends", ...packages);
  await install().catch(async () => {
    await apt("update");
    await install();
  });
}

async function makeGoClient(work: string): Promise<void> {
  await requireProgram("go", ["golang-go"]);
  await writeFile(join(work, "main.go"), goSource);
  await mkdir(join(work, "made"));
  await run("go", ["build", "-o", "made/client", "main.go"], {
    cwd: work,
    env: { ...process.env, CGO_ENABLED: "0", GOCACHE: join(work, "cache"), GO111MODULE: "off" },
  });
}

async function makeJavaClient(work: string): Promise<void> {
  await requireProgram("jlink", ["default-jdk-headless"]);
  await requireProgram("javac", ["default-jdk-headless"]);
  await writeFile(join(work, "Client.java"), javaSource);
  await run("jlink", ["--add-modules", "java.base,java.net.http,jdk.crypto.ec", "--output", "made"], { cwd: work });
  await run("javac", ["-d", "made/classes", "Client.java"], { cwd: work });
}

async function makeBunClient(work: string): Promise<void> {
  const name = `@oven/bun-linux-${process.arch === "arm64" ? "aarch64" : "x64-baseline"}`;
  const { stdout } = await run("npm", ["pack", "--silent", `${name}@${bunVersion}`], { cwd: work });
  await run("tar", ["-xzf", stdout.trim()], { cwd: work });
  await writeFile(join(work, "client.ts"), bunSource);
  await mkdir(join(work, "made"));
  await run("./package/bin/bun", ["build", "--compile", "client.ts", "--outfile", "made/client"], { cwd: work });
}
