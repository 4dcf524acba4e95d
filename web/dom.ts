import { escapeBody, escapeText } from "../src/base/escape.js";

interface Looks {
  readonly class?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** A new element. Texts become text and nothing else: what could fool a reader is named, what is markup is none. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  { class: name, attributes = {} }: Looks = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (name !== undefined) element.className = name;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(
    ...children.map((each) => (typeof each === "string" ? document.createTextNode(escapeText(each)) : each)),
  );
  return element;
}

/** An element of the page itself. */
export function part<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${id}`);
  return found;
}

export function setText(element: HTMLElement, text: string): void {
  element.textContent = escapeBody(text);
}

/** What eyes read, and nobody else. */
export const forEyes = (text: string, name = ""): HTMLElement =>
  make("span", { class: name, attributes: { "aria-hidden": "true" } }, text);

/** What is read aloud, and not seen. */
export const forEars = (text: string): HTMLElement => make("span", { class: "aloud" }, text);

/** A button that does something. */
export function button(
  text: string,
  onClick: () => void,
  attributes: Readonly<Record<string, string>> = {},
): HTMLButtonElement {
  const element = make("button", { attributes: { type: "button", ...attributes } }, text);
  element.addEventListener("click", onClick);
  return element;
}

/** Fills a list; an empty one is not there at all. */
export function fill(list: HTMLElement, items: readonly HTMLElement[]): void {
  list.replaceChildren(...items);
  list.hidden = items.length === 0;
}
