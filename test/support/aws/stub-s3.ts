import { createHash } from "node:crypto";
import type { StubReply, WireCall } from "./stub-wire.js";

const type = "application/xml";
const escapeXml = (text: string): string =>
  text.replace(/[&<>"]/g, (each) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[each] ?? each);

const fault = (status: number, code: string, message: string): StubReply => ({
  ...{ status, type },
  body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
});

// A body that is cut into pieces, each with its size before it, and a checksum after the last.
function unchunk(body: Buffer): Buffer {
  const pieces: Buffer[] = [];
  let at = 0;
  for (;;) {
    const end = body.indexOf("\r\n", at);
    const size = Number.parseInt(body.subarray(at, end).toString(), 16);
    if (!(size > 0)) return Buffer.concat(pieces);
    pieces.push(body.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}

/** S3 with path style, buckets and objects in memory. */
export function makeS3() {
  const buckets = new Map<string, Map<string, Buffer>>();
  const listBuckets = (): StubReply => {
    const names = [...buckets.keys()].map(
      (name) => `<Bucket><Name>${name}</Name><CreationDate>2026-01-01T00:00:00.000Z</CreationDate></Bucket>`,
    );
    const body = `<ListAllMyBucketsResult><Buckets>${names.join("")}</Buckets></ListAllMyBucketsResult>`;
    return { status: 200, type, body };
  };
  const listObjects = (name: string, bucket: ReadonlyMap<string, Buffer>, query: URLSearchParams): StubReply => {
    const keys = [...bucket].filter(([key]) => key.startsWith(query.get("prefix") ?? "")).sort();
    const contents = keys.map(
      ([key, value]) =>
        `<Contents><Key>${escapeXml(key)}</Key><Size>${value.length}</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>`,
    );
    const body = `<ListBucketResult><Name>${name}</Name><KeyCount>${keys.length}</KeyCount><IsTruncated>false</IsTruncated>${contents.join("")}</ListBucketResult>`;
    return { status: 200, type, body };
  };
  const onBucket = (method: string, name: string, query: URLSearchParams): StubReply => {
    const bucket = buckets.get(name);
    if (method === "PUT") {
      buckets.set(name, bucket ?? new Map());
      return { status: 200, type, body: "", headers: { location: `/${name}` } };
    }
    if (bucket === undefined) return fault(404, "NoSuchBucket", "The specified bucket does not exist");
    if (method === "DELETE") {
      if (bucket.size > 0) return fault(409, "BucketNotEmpty", "The bucket you tried to delete is not empty");
      buckets.delete(name);
      return { status: 204, type, body: "" };
    }
    return method === "HEAD" ? { status: 200, type, body: "" } : listObjects(name, bucket, query);
  };
  const onObject = ({ method, headers, body }: WireCall, name: string, key: string): StubReply => {
    const bucket = buckets.get(name);
    if (bucket === undefined) return fault(404, "NoSuchBucket", "The specified bucket does not exist");
    if (method === "PUT") {
      const isChunked = String(headers["x-amz-content-sha256"]).startsWith("STREAMING-");
      const content = isChunked ? unchunk(body) : body;
      bucket.set(key, content);
      return { status: 200, type, body: "", headers: { etag: `"${createHash("md5").update(content).digest("hex")}"` } };
    }
    if (method === "DELETE") {
      bucket.delete(key);
      return { status: 204, type, body: "" };
    }
    const content = bucket.get(key);
    if (content === undefined) return fault(404, "NoSuchKey", "The specified key does not exist.");
    const headersOut = { "content-length": String(content.length) };
    return { status: 200, type: "binary/octet-stream", body: method === "HEAD" ? "" : content, headers: headersOut };
  };
  return {
    buckets,
    answer: (call: WireCall): StubReply => {
      const [path = "", query = ""] = call.target.split(/\?(.*)/s);
      const [, name = "", ...key] = path.split("/");
      if (name === "") return listBuckets();
      if (key.join("/") === "") return onBucket(call.method, name, new URLSearchParams(query));
      return onObject(call, decodeURIComponent(name), decodeURIComponent(key.join("/")));
    },
  };
}
