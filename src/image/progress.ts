/** Told how far something that takes long has come; every text may come from an engine or a registry. */
export interface BuildProgress {
  /** A new step begins. */
  step(text: string): void;
  /** What the step is doing now; many of them are lost without harm. */
  detail(text: string): void;
  /** Something that must stay on the screen. */
  note(text: string): void;
}
