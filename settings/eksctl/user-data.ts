/**
 * User data out of an eksctl ClusterConfig: what eksctl makes of one of its node groups of Bottlerocket.
 *
 * Source: eksctl's pkg/nodebootstrap/bottlerocket.go and managed_bottlerocket.go, and the defaults in its
 * pkg/apis/eksctl.io/v1alpha5/defaults.go.
 */
import { stringify, type TomlTable } from "smol-toml";
import { defined } from "../../lib/defined.ts";
import { Failure, isFailure } from "../../lib/failure.ts";
import type { Position } from "../../lib/text/places.ts";
import { chosenGroup } from "./choice.ts";
import { pathText, readClusterConfig, type ClusterConfig, type FoundGroup, type KeyPath } from "./cluster-config.ts";
import { leftOut, type LeftOut } from "./left-out.ts";
import { adminUserData, letsLogIn, wantedKeys } from "./ssh.ts";

/** A key that did not become a setting as it stands, and why. */
export type Note = Position & { key: string; message: string };

export type EksctlUserData = {
  /** TOML. */
  userData: string;
  /** In the order of the file. */
  notes: Note[];
  /** Keys of settings.kubernetes that are still to be filled in: eksctl asks AWS for them. */
  lacking: string[];
  /** Where the file has a setting; undefined for one that follows from another key. */
  placeOf: (setting: readonly string[]) => Position | undefined;
};

type Tree = { [key: string]: unknown };
type Source = FoundGroup & { config: ClusterConfig; leave: (key: KeyPath, message: string) => void };

/**
 * @param name of the group; may be absent when only one is of Bottlerocket
 * @param readKey reads a file with a public key; throws `Failure<"cannot-read">`
 * @throws {Failure<"bad-cluster-config" | "no-such-group">}
 */
export async function eksctlUserData(
  text: string,
  name: string | undefined,
  readKey: (path: string) => Promise<string>,
): Promise<EksctlUserData> {
  const config = readClusterConfig(text);
  const found = chosenGroup(config.groups, name);
  const path: KeyPath = [found.kind, found.at];
  const left: LeftOut[] = leftOut(config, found);
  const source: Source = {
    ...found,
    config,
    leave: (key, message) => void left.push({ path: [...path, ...key], message }),
  };

  const own = found.group.bottlerocket?.settings ?? {};
  const settings = withoutNulls(own, ["bottlerocket", "settings"], source);
  setKubernetes(settings, source);
  await setAdmin(settings, source, readKey);
  return {
    userData: `${stringify({ settings } as TomlTable).trimEnd()}\n`,
    notes: left
      .map((each) => ({ ...config.placeOf(each.path), key: pathText(each.path), message: each.message }))
      .toSorted((a, b) => a.line - b.line || a.column - b.column),
    lacking: lackingOf(settings),
    placeOf: (setting) =>
      has(own, setting) ? config.placeOf([...path, "bottlerocket", "settings", ...setting]) : undefined,
  };
}

/** What makes a host a node of its cluster, as far as it is not there. */
function lackingOf(settings: Tree): string[] {
  const lacking = ["api-server", "cluster-certificate"].filter((key) => !has(settings, ["kubernetes", key]));
  return lacking.length === 0 ? [] : ["cluster-name", ...lacking];
}

function setKubernetes(settings: Tree, source: Source): void {
  const { group, config, leave } = source;
  const kubernetes = tableIn(settings, "kubernetes", source);
  const cluster = config.content.metadata?.name;
  /** What the group says counts more than its settings. */
  const set = (key: string, value: unknown, by: KeyPath): void => {
    if (has(kubernetes, [key]) && !Bun.deepEquals(kubernetes[key], value)) {
      leave(["bottlerocket", "settings", "kubernetes", key], `is left out: ${pathText(by)} says it, as for eksctl`);
    }
    kubernetes[key] = value;
  };
  // Without the two that only AWS knows, a host takes none of the three.
  if (cluster !== undefined && lackingOf(settings).length === 0) set("cluster-name", cluster, ["metadata", "name"]);
  if (group.maxPodsPerNode !== undefined) set("max-pods", group.maxPodsPerNode, ["maxPodsPerNode"]);
  if (source.kind === "nodeGroups" && group.clusterDNS !== undefined && group.clusterDNS !== "") {
    set("cluster-dns-ip", group.clusterDNS, ["clusterDNS"]);
  }
  // eksctl refuses these two beside a group's own; whoever has them here does not lose them.
  const { "node-labels": labels, "node-taints": taints } = kubernetes;
  kubernetes["node-labels"] = {
    ...tableOr(labels),
    ...group.labels,
    ...defined({ "alpha.eksctl.io/cluster-name": cluster }),
    "alpha.eksctl.io/nodegroup-name": group.name,
  };
  const own = taintsOf(group.taints);
  if (Object.keys(own).length > 0) kubernetes["node-taints"] = { ...tableOr(taints), ...own };
}

type Taints = FoundGroup["group"]["taints"];

/** "value:effect" by key; several of one key are a list. */
function taintsOf(taints: Taints): Tree {
  if (taints === undefined) return {};
  if (!Array.isArray(taints)) {
    return Object.fromEntries(
      Object.entries(taints).map(([key, text]) => [key, text.includes(":") ? text : `:${text}`]),
    );
  }
  const byKey = Object.groupBy(taints, ({ key }) => key);
  return Object.fromEntries(
    Object.entries(byKey).map(([key, each = []]) => {
      const texts = each.map(({ value, effect }) => `${value}:${effect}`);
      return [key, texts.length === 1 ? texts[0] : texts];
    }),
  );
}

async function setAdmin(settings: Tree, source: Source, readKey: (path: string) => Promise<string>): Promise<void> {
  const { bottlerocket, ssh } = source.group;
  const wanted = bottlerocket?.enableAdminContainer ?? (letsLogIn(ssh) ? true : undefined);
  const key = await publicKey(source, readKey);
  if (wanted === undefined && key === undefined) return;
  const admin = tableIn(tableIn(settings, "host-containers", source), "admin", source);
  if (!has(admin, ["enabled"])) admin["enabled"] = wanted ?? true;
  else if (bottlerocket?.enableAdminContainer !== undefined && admin["enabled"] !== wanted) {
    source.leave(
      ["bottlerocket", "enableAdminContainer"],
      "is left out: settings.host-containers.admin.enabled says it",
    );
  }
  if (key === undefined) return;
  if (has(admin, ["user-data"])) {
    source.leave(["ssh", key.key], "is left out: settings.host-containers.admin.user-data says who may log in");
  } else admin["user-data"] = adminUserData(key.text);
}

async function publicKey(
  { group: { ssh }, leave }: Source,
  readKey: (path: string) => Promise<string>,
): Promise<{ key: string; text: string } | undefined> {
  if (ssh === undefined || !letsLogIn(ssh)) return undefined;
  const [key, ...further] = wantedKeys(ssh);
  for (const another of further) leave(["ssh", another.key], `is left out: ${key?.key} is there, and eksctl takes one`);
  switch (key?.kind) {
    case undefined:
      return undefined;
    case "key":
      return { key: key.key, text: key.text };
    case "name":
      leave(["ssh", key.key], "is left out: only EC2 knows the key; write its public half as publicKey");
      return undefined;
    case "file":
      try {
        return { key: key.key, text: await readKey(key.path) };
      } catch (error) {
        if (!isFailure(error, "cannot-read")) throw error;
        leave(["ssh", key.key], `is left out: ${error.message}; write the key as publicKey`);
        return undefined;
      }
  }
}

/** The table of that name, made when it is not there. @throws {Failure<"bad-cluster-config">} */
function tableIn(parent: Tree, key: string, { group }: Source): Tree {
  const present = (parent[key] ??= {});
  if (isTree(present)) return present;
  const cannot = `cannot use the settings of node group ${group.name}`;
  throw new Failure("bad-cluster-config", `${cannot}: ${key} must be a mapping, not ${JSON.stringify(present)}`);
}

function withoutNulls(table: Tree, path: KeyPath, source: Source): Tree {
  const kept: Tree = {};
  for (const [key, value] of Object.entries(table)) {
    if (value === null) source.leave([...path, key], "is left out: it has no value");
    else kept[key] = isTree(value) ? withoutNulls(value, [...path, key], source) : value;
  }
  return kept;
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function tableOr(value: unknown): Tree {
  return isTree(value) ? value : {};
}

function has(tree: unknown, [key, ...further]: readonly string[]): boolean {
  if (key === undefined) return true;
  return isTree(tree) && Object.hasOwn(tree, key) && has(tree[key], further);
}
