/** What of a ClusterConfig does not become settings: nothing of it is dropped in silence. */
import { nearest } from "../../lib/text/nearest.ts";
import type { ClusterConfig, FoundGroup, KeyPath } from "./cluster-config.ts";
import { carriedKeysOf, clusterKeys, machineKeysOf, refusedKeys, sshKeysOfAws } from "./known-keys.ts";

/** `message` is about the key at the end of the path. */
export type LeftOut = { path: KeyPath; message: string };

/** A class of keys that are left out for the same reason. */
type Reason = { keys: ReadonlySet<string>; message: string };

export function leftOut(config: ClusterConfig, { kind, at, group }: FoundGroup): LeftOut[] {
  const path = [kind, at];
  const { bottlerocket = {}, ssh = {} } = group;
  return [
    ...keysLeftOut(
      [],
      keysOf(config.content),
      new Set(["apiVersion", "kind", "metadata", "nodeGroups", "managedNodeGroups"]),
      [{ keys: clusterKeys, message: "is about the cluster, and no setting of its hosts" }],
    ),
    ...keysLeftOut(path, keysOf(group), carriedKeysOf[kind], [
      { keys: machineKeysOf[kind], message: "is what eksctl asks AWS for, and no setting of a host" },
      { keys: refusedKeys, message: "cannot be a setting: eksctl refuses it for Bottlerocket" },
    ]),
    ...keysLeftOut([...path, "bottlerocket"], keysOf(bottlerocket), new Set(["enableAdminContainer", "settings"]), []),
    ...keysLeftOut([...path, "ssh"], keysOf(ssh), new Set(["allow", "publicKey", "publicKeyPath", "publicKeyName"]), [
      { keys: sshKeysOfAws, message: "is a way in that AWS opens, and no setting of a host" },
    ]),
  ];
}

function keysLeftOut(
  path: KeyPath,
  keys: readonly string[],
  carried: ReadonlySet<string>,
  reasons: readonly Reason[],
): LeftOut[] {
  const known = [...carried, ...reasons.flatMap((reason) => [...reason.keys])];
  return keys
    .filter((key) => !carried.has(key))
    .map((key) => ({
      path: [...path, key],
      message: reasons.find((reason) => reason.keys.has(key))?.message ?? unknown(nearest(key, known)),
    }));
}

function unknown(meant: string | undefined): string {
  return `is left out: eksctl has no such key here${meant === undefined ? "" : `; did you mean ${meant}?`}`;
}

/** A null is what is not set. */
function keysOf(object: object): string[] {
  return Object.entries(object).flatMap(([key, value]) => (value === null || value === undefined ? [] : [key]));
}
