import { connectEngine } from "../../src/engine/connect.js";
import { engineContract } from "../contract/engine.js";

engineContract("the local socket", {
  open: () => connectEngine({ kind: "unix", address: "unix:///var/run/docker.sock", source: "default socket" }),
  bulkBytes: 1 << 30,
});
