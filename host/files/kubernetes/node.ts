/** What kind of node the settings ask for. */
import type { Settings } from "../../../settings/model/model.ts";
import type { Minor } from "../../../settings/model/setting.ts";
import type { Facts } from "../../machine/facts.ts";

export type Kubernetes = NonNullable<Settings["kubernetes"]>;

export type KubernetesNode = {
  kubernetes: Kubernetes;
  minor: Minor;
  /** The cluster it joins; undefined when it runs static pods alone. */
  cluster: { server: string } | undefined;
  hasSwap: boolean;
};

/**
 * Undefined on a host whose settings name no cluster and do not make it standalone: there, kubelet has nothing to do.
 */
export function nodeOf({ kubernetes, kernel }: Settings, { variant }: Facts): KubernetesNode | undefined {
  if (kubernetes === undefined || variant.orchestrator.kind !== "kubernetes") return undefined;
  const { minor } = variant.orchestrator;
  const hasSwap = kernel.zram.enabled;
  if (kubernetes["standalone-mode"]) return { kubernetes, minor, cluster: undefined, hasSwap };
  const server = kubernetes["api-server"];
  return server === undefined ? undefined : { kubernetes, minor, cluster: { server }, hasSwap };
}

/** The entries of a map that are enabled; none where the minor does not have the map. */
export function enabledIn<Entry extends { enabled: boolean }>(map: { [name: string]: Entry } | undefined) {
  return Object.entries(map ?? {}).filter(([, { enabled }]) => enabled);
}

/** JSON, which kubelet reads as it reads YAML. */
export function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
