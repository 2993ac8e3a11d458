/** Finds the shortest list of events that still goes wrong, by leaving out ever smaller pieces (delta debugging). */

/** Replays are limited, since a long list that fails is better than none that does not come. */
const replays = 2_000;

/** `fails` must hold for `items`; it does for what is returned. */
export async function shortest<T>(items: readonly T[], fails: (items: readonly T[]) => Promise<boolean>): Promise<T[]> {
  let best = [...items];
  let left = replays;
  for (let piece = Math.ceil(best.length / 2); piece >= 1;) {
    let shorter = false;
    for (let start = 0; start < best.length && left > 0;) {
      const without = best.toSpliced(start, piece);
      left--;
      if (await fails(without)) {
        best = without;
        shorter = true;
      } else start += piece;
    }
    if (piece === 1 && (!shorter || left === 0)) break;
    if (!shorter || piece > 1) piece = Math.max(1, Math.floor(piece / 2));
  }
  return best;
}
