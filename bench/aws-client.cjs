// A client of AWS without a library, the same inside a sandbox and outside: signs, calls, prints its times as JSON.
const { createHash, createHmac } = require("node:crypto");
const http = require("node:http");

const endpoint = new URL(process.env.AWS_ENDPOINT_URL);
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const sha256 = (data) => createHash("sha256").update(data).digest("hex");
const hmac = (key, text) => createHmac("sha256", key).update(text).digest();

function send({ method = "POST", path = "/", headers, body = "" }) {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const request = http.request(endpoint, { agent, method, path, headers }, (answer) => {
      let bytes = 0;
      let first = 0;
      const pieces = [];
      answer.on("data", (piece) => {
        first ||= performance.now() - started;
        bytes += piece.length;
        if (bytes < 100_000) pieces.push(piece);
      });
      answer.on("end", () => {
        const ms = performance.now() - started;
        const text = Buffer.concat(pieces).toString();
        if (answer.statusCode >= 300) reject(new Error(`${answer.statusCode}: ${text}`));
        else resolve({ ms, first, bytes, text });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

async function keysOf({ AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_CONTAINER_CREDENTIALS_FULL_URI }) {
  if (AWS_CONTAINER_CREDENTIALS_FULL_URI === undefined)
    return { AccessKeyId: AWS_ACCESS_KEY_ID, SecretAccessKey: AWS_SECRET_ACCESS_KEY };
  const authorization = process.env.AWS_CONTAINER_AUTHORIZATION_TOKEN;
  const path = new URL(AWS_CONTAINER_CREDENTIALS_FULL_URI).pathname;
  return JSON.parse((await send({ method: "GET", path, headers: { authorization } })).text);
}

function sign(keys, { method = "POST", path = "/", service, type, body = "", payload = sha256(body) }) {
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = [date.slice(0, 8), "eu-central-1", service, "aws4_request"];
  const headers = { host: endpoint.host, "x-amz-content-sha256": payload, "x-amz-date": date };
  if (type !== undefined) headers["content-type"] = type;
  if (keys.Token !== undefined) headers["x-amz-security-token"] = keys.Token;
  const names = Object.keys(headers).sort();
  const lines = names.map((name) => `${name}:${headers[name]}\n`).join("");
  const canonical = [method, path, "", lines, names.join(";"), payload].join("\n");
  const text = ["AWS4-HMAC-SHA256", date, scope.join("/"), sha256(canonical)].join("\n");
  const signature = hmac(scope.reduce(hmac, `AWS4${keys.SecretAccessKey}`), text).toString("hex");
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${keys.AccessKeyId}/${scope.join("/")}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
  return { ...headers, "content-length": Buffer.byteLength(body) };
}

async function main() {
  const [calls, megabytes] = process.argv.slice(2).map(Number);
  const keys = await keysOf(process.env);
  const call = (wish) => send({ ...wish, headers: sign(keys, wish) });
  const describe = {
    service: "ec2",
    type: "application/x-www-form-urlencoded; charset=utf-8",
    body: "Action=DescribeInstances&Version=2016-11-15",
  };
  for (let warm = 0; warm < 20; warm += 1) await call(describe);
  const small = [];
  for (let turn = 0; turn < calls; turn += 1) small.push((await call(describe)).ms);
  const json = "application/json";
  const stream = await call({
    path: "/model/m/converse-stream",
    service: "bedrock",
    type: json,
    body: '{"messages":[]}',
  });
  const object = { path: "/bench/large", service: "s3", payload: "UNSIGNED-PAYLOAD" };
  const body = Buffer.alloc(megabytes * 1_000_000, "0123456789");
  const up = (await call({ ...object, method: "PUT", body })).ms;
  const down = (await call({ ...object, method: "GET" })).ms;
  console.log(JSON.stringify({ small, first: stream.first, up, down }));
  agent.destroy();
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
