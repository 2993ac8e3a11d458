/** What a person probably meant, for did-you-mean. */
import { distance } from "fastest-levenshtein";

/** The candidate that is at most a third of the word's letters away; undefined when none is. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const plain = fold(word.slice(0, 100)); // nobody means a name when they write a novel
  let best: string | undefined;
  // A single letter is not enough to know what someone meant.
  let bestDistance = plain.length < 2 ? 0 : Math.max(1, Math.floor(plain.length / 3));
  for (const candidate of candidates) {
    const away = distance(plain, fold(candidate));
    if (away < bestDistance || (away === bestDistance && best === undefined)) {
      best = candidate;
      bestDistance = away;
    }
  }
  return best;
}

const fold = (word: string): string => word.toLowerCase().replaceAll("_", "-");
