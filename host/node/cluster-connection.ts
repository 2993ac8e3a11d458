/** How this host reaches its cluster as the node that it is: with kubelet's certificate, or with its AWS role. */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { Failure, isNotFound } from "../../lib/failure.ts";
import { parseJson } from "../../lib/text/json.ts";
import type { KubernetesConnection } from "../../kubernetes/client.ts";
import type { Settings } from "../../settings/groups/group.ts";
import type { KubernetesNode } from "../files/kubernetes/node.ts";
import { clientCertificate } from "../files/kubernetes/paths.ts";
import { hostPath, type System } from "../machine/system.ts";

/** A token of an AWS role is good for 15 minutes. */
const tokenMs = 600_000;

const tokenSchema = z.object({ status: z.object({ token: z.string() }) });

export type NodeCredentials = {
  init: BunFetchRequestInit;
  /** In PEM, where it is by a certificate. */
  certificate?: string;
};

/** @throws {Failure<"no-node-certificate">} by a request, while this host has none */
export function clusterConnection(
  system: System,
  node: KubernetesNode & { cluster: object },
  settings: Settings,
): KubernetesConnection {
  let token: { init: BunFetchRequestInit; atMs: number } | undefined;
  return {
    server: node.cluster.server,
    async credentials() {
      if (token !== undefined && system.clock.elapsedMs() - token.atMs < tokenMs) return token.init;
      const known = await nodeCredentials(system, node, settings);
      if (known === undefined) {
        throw new Failure("no-node-certificate", "cannot ask the cluster: this node has no certificate of it yet");
      }
      // Kubelet renews its certificate by itself, so the file is read anew each time.
      if (known.certificate === undefined) token = { init: known.init, atMs: system.clock.elapsedMs() };
      return known.init;
    },
    fetch: system.fetch,
    clock: system.clock,
  };
}

/** What a request needs to be this node's; undefined while it has no certificate. */
export async function nodeCredentials(
  system: System,
  { kubernetes }: KubernetesNode,
  { aws }: Settings,
): Promise<NodeCredentials | undefined> {
  const ca = authorityOf(kubernetes);
  if (kubernetes["authentication-mode"] === "tls") {
    try {
      const pem = await readFile(hostPath(system, clientCertificate), "utf8");
      return { init: { tls: { ca, cert: pem, key: pem } }, certificate: pem };
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
  const region = aws?.region === undefined ? [] : ["--region", aws.region];
  const cluster = kubernetes["cluster-name"] ?? "";
  const answer = await system.run(["/usr/bin/aws-iam-authenticator", "token", "-i", cluster, ...region]);
  const { token } = tokenSchema.parse(parseJson(answer)).status;
  return { init: { tls: { ca }, headers: { authorization: `Bearer ${token}` } } };
}

export function authorityOf(kubernetes: KubernetesNode["kubernetes"]): string {
  return Buffer.from(kubernetes["cluster-certificate"] ?? "", "base64").toString("utf8");
}
