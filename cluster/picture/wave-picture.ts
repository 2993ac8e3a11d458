/** When the nodes that are here may take a version: the waves over their places, not over all places that there are. */
import type { FleetNode } from "../roll-out/snapshot.ts";

export type WavePicture = {
  version: string;
  /** Nodes that run it or are offered it. */
  nodes: number;
  runs: number;
  /** It is open to them, and they do not run it yet. */
  open: number;
  /** RFC 3339; the nodes to which it is open by then, those above among them. At most `mostPoints`, the last one last. */
  opens: { at: string; open: number }[];
};

export const mostPoints = 60;

/** The newest first, as hosts are offered them; those that every node runs are left out. */
export function wavePictures(all: readonly FleetNode[], now: Date): WavePicture[] {
  const nodes = all.filter(({ selected }) => selected);
  const offered = new Map<string, Date[]>();
  for (const { report } of nodes) {
    for (const { version, opensAt } of report?.offers ?? []) {
      const opens = offered.get(version) ?? [];
      offered.set(version, opens);
      opens.push(opensAt ?? now);
    }
  }
  return [...offered].map(([version, opens]) => {
    const runs = nodes.filter(({ report }) => report?.version === version).length;
    const ahead = opens.filter((at) => at > now).toSorted((a, b) => a.getTime() - b.getTime());
    const open = opens.length - ahead.length;
    return { version, nodes: runs + opens.length, runs, open, opens: points(ahead, open + runs) };
  });
}

/** @param already to how many it is open without any of these */
function points(ahead: readonly Date[], already: number): WavePicture["opens"] {
  const every = Math.max(1, Math.ceil(ahead.length / mostPoints));
  return ahead.flatMap((at, index) => {
    const isShown = (index + 1) % every === 0 || index === ahead.length - 1;
    return isShown ? [{ at: at.toISOString(), open: already + index + 1 }] : [];
  });
}
