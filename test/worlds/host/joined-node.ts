/** Settings of a node that has a cluster, for tests that need no cluster itself. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const document = readFileSync(join(import.meta.dir, "../../golden/all-set.toml"), "utf8");

function valueOf(name: string): string {
  const value = new RegExp(`^${name} = "(.*)"$`, "m").exec(document)?.[1];
  if (value === undefined) throw new Error(`test/golden/all-set.toml does not set ${name}`);
  return value;
}

export const joinedNode = {
  "api-server": "https://api.example.com:6443",
  "cluster-certificate": valueOf("cluster-certificate"),
  "bootstrap-token": "abcdef.0123456789abcdef",
};

/** A certificate to serve with, and its key. */
export const servingPair = { "server-certificate": valueOf("server-certificate"), "server-key": valueOf("server-key") };
