import { randomBytes, randomInt } from "node:crypto";

const adjectives =
  "amber bold brisk calm clear clever cool crisp deft eager early fair fleet fond fresh gentle glad grand hardy keen kind lively lucid mellow merry mild neat nimble noble plain polite proud quick quiet rapid ready shiny silent sleek smart solid spry steady still sunny swift tidy vivid warm wise witty young".split(
    " ",
  );
const animals =
  "badger bat bear beaver bison crane crow deer dove eagle egret elk falcon ferret finch fox gecko goose hare hawk heron ibex ibis jay koala lark lemur lion lynx marten mole moose newt ocelot okapi orca otter owl panda plover puffin quail raven robin seal shrew sloth stoat stork swan tapir tern tiger toad trout vole whale wolf wren yak".split(
    " ",
  );

const pick = (words: readonly string[]): string => words[randomInt(words.length)] ?? "airlock";

/** A session id a person can say aloud: `brisk-otter-3f2a`. */
export function newSessionId(): string {
  return `${pick(adjectives)}-${pick(animals)}-${randomBytes(2).toString("hex")}`;
}

/** What a session id looks like; also the rule for names that users give (`--name`). */
export const sessionIdPattern = /^[a-z0-9][a-z0-9-]{1,62}$/;

/** An unguessable token of `bytes` random bytes in hex. */
export function newToken(bytes = 16): string {
  return randomBytes(bytes).toString("hex");
}
