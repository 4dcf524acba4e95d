const rowHeight = 20;
const extra = 10;

interface Source {
  readonly count: number;
  /** The element of a row; its id, place and size are set here. */
  readonly draw: (at: number) => HTMLElement;
}

/** A list of which only the rows in sight are there, with a cursor that assistive technology can follow. */
export class VirtualRows {
  at = 0;
  readonly #box: HTMLElement;
  readonly #space: HTMLElement;
  readonly #onMove: () => void;
  #source: Source = { count: 0, draw: () => document.createElement("div") };
  #isDue = false;

  constructor(box: HTMLElement, onMove: () => void) {
    this.#box = box;
    this.#onMove = onMove;
    this.#space = document.createElement("div");
    this.#space.setAttribute("role", "presentation");
    box.append(this.#space);
    box.addEventListener("scroll", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(box);
    box.addEventListener("click", ({ target }) => {
      const row = target instanceof Element ? target.closest(".row") : null;
      if (row instanceof HTMLElement) this.moveTo(Number(row.dataset["at"]));
    });
  }

  get page(): number {
    return Math.max(1, Math.floor(this.#box.clientHeight / rowHeight) - 1);
  }

  show(source: Source, at: number): void {
    this.#source = source;
    this.#space.style.height = `${source.count * rowHeight}px`;
    this.at = Math.max(0, Math.min(at, source.count - 1));
    this.#reveal();
    this.draw();
  }

  moveTo(at: number): void {
    const next = Math.max(0, Math.min(at, this.#source.count - 1));
    if (next === this.at) return;
    this.at = next;
    this.#reveal();
    this.draw();
    this.#onMove();
  }

  /** Draws at the next frame, once. */
  draw(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#drawNow();
    });
  }

  #reveal(): void {
    const top = this.at * rowHeight;
    const box = this.#box;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + rowHeight > box.scrollTop + box.clientHeight) box.scrollTop = top + rowHeight - box.clientHeight;
  }

  #drawNow(): void {
    const { count, draw } = this.#source;
    const first = Math.max(0, Math.floor(this.#box.scrollTop / rowHeight) - extra);
    const last = Math.min(count, Math.ceil((this.#box.scrollTop + this.#box.clientHeight) / rowHeight) + extra);
    const rows: HTMLElement[] = [];
    for (let at = first; at < last; at += 1) {
      const row = draw(at);
      row.id = `${this.#box.id}-${at}`;
      row.dataset["at"] = `${at}`;
      row.style.top = `${at * rowHeight}px`;
      row.classList.add("row");
      row.classList.toggle("at", at === this.at);
      rows.push(row);
    }
    this.#space.replaceChildren(...rows);
    const isThere = this.at >= first && this.at < last;
    if (isThere) this.#box.setAttribute("aria-activedescendant", `${this.#box.id}-${this.at}`);
    else this.#box.removeAttribute("aria-activedescendant");
  }
}
