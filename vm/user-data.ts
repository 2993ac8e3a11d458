/**
 * The user data that a machine gets: what its owner wrote, with the remote API switched on for the laptop, and with
 * what a node must know of its cluster.
 *
 * Ours is added below the owner's text, so that the host names the owner's own lines when something is wrong there.
 * Only where that cannot be, because the owner configures the remote API too, is the document taken apart and written
 * again. Whether the settings are right is for the host to say; here a document only needs to be TOML or JSON.
 */
import { parse, stringify, TomlDate, TomlError, type TomlTable } from "smol-toml";
import { Failure } from "../lib/failure.ts";
import { isJsonObject, parseJson, type JsonObject } from "../lib/text/json.ts";

/** What the host must know of the laptop to let it in. */
export type RemoteAccess = {
  /** The CA's certificate in PEM. */
  ca: string;
  /** Common name of the client's certificate; it may do everything. */
  subject: string;
};

/** The name under which our CA stands beside those that the owner may have given. */
const caName = "orlop-up";

/**
 * @param document the owner's user data in TOML or JSON, possibly empty
 * @throws {Failure<"bad-user-data" | "bad-json">} with line and column when it is neither, or where it leaves no room
 */
export function withRemoteAccess(document: string, access: RemoteAccess): string {
  return extended(document, (root) => withAccess(root, access), [
    "[settings.api.remote]",
    "enabled = true",
    `client-cas.${caName} = ${JSON.stringify(encoded(access.ca))}`,
    `roles.${JSON.stringify(access.subject)} = "admin"`,
  ]);
}

/** With what a node must know to join a cluster; what the owner sets of it goes before. */
export function withCluster(document: string, kubernetes: Readonly<Record<string, string>>): string {
  return extended(document, (root) => withKubernetes(root, kubernetes), [
    "[settings.kubernetes]",
    ...Object.entries(kubernetes).map(([name, value]) => `${name} = ${JSON.stringify(value)}`),
  ]);
}

/** Appended to the document where that has the same meaning as `extend`, else the document written anew. */
function extended(document: string, extend: <Kind extends Tree>(root: Kind) => Kind, lines: readonly string[]): string {
  if (document.trimStart().startsWith("{")) return `${JSON.stringify(extend(parseJsonObject(document)))}\n`;
  const wanted = extend(parseToml(document));
  const ours = `# Added by \`./orlop up\`.\n${lines.join("\n")}\n`;
  const appended = document.trim() === "" ? ours : `${document.replace(/\n*$/, "\n")}\n${ours}`;
  return isSame(appended, wanted) ? appended : stringify(wanted, { numbersAsFloat: true });
}

function isSame(document: string, wanted: TomlTable): boolean {
  try {
    return Bun.deepEquals(parseToml(document), wanted);
  } catch (error) {
    if (error instanceof Failure) return false; // a table of the owner's is in the way
    throw error;
  }
}

type Tree = { [name: string]: unknown };

function withAccess<Kind extends Tree>(root: Kind, { ca, subject }: RemoteAccess): Kind {
  const settings = table(root, "settings");
  const remote = table(table(settings, "api", "settings"), "remote", "settings.api");
  remote["enabled"] = true;
  table(remote, "client-cas", "settings.api.remote")[caName] = encoded(ca);
  table(remote, "roles", "settings.api.remote")[subject] = "admin";
  return root;
}

function withKubernetes<Kind extends Tree>(root: Kind, wanted: Readonly<Record<string, string>>): Kind {
  const kubernetes = table(table(root, "settings"), "kubernetes", "settings");
  for (const [name, value] of Object.entries(wanted)) kubernetes[name] ??= value;
  return root;
}

/** The table of that name inside `parent`, made when there is none. */
function table(parent: Tree, name: string, path?: string): Tree {
  const value = (parent[name] ??= {});
  if (isTable(value)) return value;
  const key = path === undefined ? name : `${path}.${name}`;
  throw new Failure("bad-user-data", `cannot add to the user data: ${key} is not a table`);
}

function isTable(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof TomlDate);
}

/** Integers as bigint, so that 110.0 is not written again as 110: the host tells them apart. */
function parseToml(document: string): TomlTable {
  try {
    return parse(document, { integersAsBigInt: true });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split("\n")[0];
    throw new Failure("bad-user-data", `cannot read the user data at ${error.line}:${error.column}: ${reason}`);
  }
}

function parseJsonObject(document: string): JsonObject {
  const value = parseJson(document);
  if (isJsonObject(value)) return value;
  throw new Failure("bad-user-data", "cannot read the user data: expected an object");
}

function encoded(pem: string): string {
  return Buffer.from(pem).toString("base64");
}
