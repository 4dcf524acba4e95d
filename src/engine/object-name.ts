import { EngineRefusal } from "./transport.js";

/** An id or a name goes into the path of a request: what no object can be called is not found, and asks for no other path. */
export function objectName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/.test(name)) return name;
  throw new EngineRefusal(404, "no object can have that name");
}
