/** For what follows from something else a little later, in another task of the same process. */

const limitMs = 15_000;

/** Tries a claim again until it holds; its last failure counts. */
export async function eventually(claim: () => Promise<void> | void, withinMs = limitMs): Promise<void> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    try {
      await claim();
      return;
    } catch (error) {
      if (performance.now() > untilMs) throw error;
      await Bun.sleep(10);
    }
  }
}
