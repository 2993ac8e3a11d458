/** How many days each role of a repository has left: what a weekly job asks before hosts start to refuse it. */
import type { Machines } from "../manifest.ts";
import { currentTree, newestRoot, treesOf, type Repository } from "../repository.ts";

export type Expiry = Machines & { role: string; version: number; expires: string; daysLeft: number };

/** Every role of every tree, the soonest first. */
export async function expirations(repository: Repository, now: Date): Promise<Expiry[]> {
  const root = newestRoot(repository).signed;
  const all: Expiry[] = [];
  for (const machines of await treesOf(repository)) {
    const tree = await currentTree(repository, machines);
    const roles = tree === undefined ? [] : [tree.targets.signed, tree.snapshot.signed, tree.timestamp.signed];
    for (const { type, version, expires } of [root, ...roles]) {
      const daysLeft = (new Date(expires).getTime() - now.getTime()) / 86_400_000;
      all.push({ ...machines, role: type, version, expires, daysLeft: Math.round(daysLeft * 10) / 10 });
    }
  }
  return all.toSorted((a, b) => a.daysLeft - b.daysLeft);
}
