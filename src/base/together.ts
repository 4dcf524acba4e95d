/**
 * Waits for all of several things that were begun, also when one of them fails: only then can everything be undone. The first
 * failure is thrown at the end.
 */
export async function together<T extends readonly unknown[]>(
  ...begun: { readonly [K in keyof T]: Promise<T[K]> }
): Promise<T> {
  const ended = await Promise.allSettled(begun);
  const failed = ended.find((each) => each.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return ended.map((each) => (each.status === "fulfilled" ? each.value : undefined)) as unknown as T;
}
