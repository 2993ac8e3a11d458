/** The views of the page, and the part behind "#/" of the address by which each is reached. */
import { nodeStates, type NodeState } from "./node-state.ts";

export const fleetViews = ["fleet", "nodes", "when", "history"] as const;
export type FleetViewName = (typeof fleetViews)[number];

export type FleetRoute =
  | { view: FleetViewName; state?: NodeState; zone?: string }
  /** One node's own page. */
  | { view: "node"; name: string };

export const viewTitles: Record<FleetViewName, string> = {
  fleet: "Fleet",
  nodes: "Nodes",
  when: "When",
  history: "History",
};

export const viewAddress = (view: FleetViewName): string => (view === "fleet" ? "#/" : `#/${view}`);
export const nodeAddress = (name: string): string => `#/node/${encodeURIComponent(name)}`;

/** The nodes that are in a state, in a zone. */
export function nodesAddress({ state, zone }: { state?: NodeState; zone?: string }): string {
  const query = new URLSearchParams({
    ...(state === undefined ? {} : { state }),
    ...(zone === undefined ? {} : { zone }),
  });
  return `#/nodes?${query}`;
}

export function fleetRouteIn(hash: string): FleetRoute {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [first = "", second = ""] = path.split("/");
  if (first === "node" && second !== "") return { view: "node", name: decodeURIComponent(second) };
  const view = fleetViews.find((known) => known === first) ?? "fleet";
  const asked = new URLSearchParams(query);
  const state = nodeStates.find((known) => known === asked.get("state"));
  const zone = asked.get("zone");
  return { view, ...(state === undefined ? {} : { state }), ...(zone === null ? {} : { zone }) };
}
