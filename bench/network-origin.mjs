// The servers of the network's measurements, in a thread of their own: the other one waits for the programs that it measures.
// GET /: a word. GET /bytes: a gigabyte. GET /tarballs/…: files of the folder that the thread was given.
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { basename, join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";

const block = Buffer.alloc(1 << 20);

function sendBytes(response) {
  let left = workerData.bytes;
  response.writeHead(200, { "content-length": left });
  const more = () => {
    while (left > 0) {
      const piece = block.subarray(0, Math.min(left, block.length));
      left -= piece.length;
      if (!response.write(piece)) return;
    }
    response.end();
  };
  response.on("drain", more);
  more();
}

const server = createServer((request, response) => {
  const file = join(workerData.folder, basename(request.url));
  if (request.url === "/bytes") sendBytes(response);
  else if (request.url.startsWith("/tarballs/") && existsSync(file)) createReadStream(file).pipe(response);
  else response.end("hello\n");
});
server.listen(0, "0.0.0.0", () => parentPort.postMessage(server.address().port));
