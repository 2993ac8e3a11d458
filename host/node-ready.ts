/**
 * Whether the cluster takes this node for ready: asked of the cluster's API, as the node itself.
 *
 * That kubelet runs says little: a node without a working network, or with a runtime that it cannot use, is not ready.
 */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { isNotFound } from "../../lib/failure.ts";
import { parseJson } from "../../lib/json.ts";
import type { Settings } from "../../settings/group.ts";
import type { Facts } from "../facts.ts";
import { type Node, nodeOf } from "../files/kubernetes/node.ts";
import { clientCertificate } from "../files/kubernetes/paths.ts";
import { hostPath, type System } from "../system.ts";

const requestMs = 5_000;

const nodeSchema = z.object({
  status: z.object({
    conditions: z.array(z.object({ type: z.string(), status: z.string(), message: z.string().optional() })).default([]),
  }),
});
const tokenSchema = z.object({ status: z.object({ token: z.string() }) });

/** Sentences about what keeps the node from being ready; none when it is. */
export type NodeCheck = (signal: AbortSignal) => Promise<string[]>;

/** Undefined on hosts that are told neither a cluster nor to be alone. */
export function nodeCheck(system: System, settings: Settings, facts: Facts): NodeCheck | undefined {
  const node = nodeOf(settings, facts);
  if (node === undefined) return undefined;
  return async (signal) => {
    if (node.cluster === undefined) return [];
    const name = node.kubernetes["hostname-override"] ?? settings.network.hostname ?? "";
    const url = new URL(`/api/v1/nodes/${encodeURIComponent(name)}`, node.cluster.server);
    try {
      const init = await credentials(system, node, settings);
      if (init === undefined) return [`the node ${name} has no certificate of the cluster yet`];
      const until = AbortSignal.any([signal, AbortSignal.timeout(requestMs)]);
      const response = await system.fetch(url, { ...init, signal: until });
      if (!response.ok) return [`the cluster answers ${response.status} about the node ${name}`];
      return unready(name, parseJson(await response.text()));
    } catch (error) {
      signal.throwIfAborted();
      return [`the cluster does not tell about the node ${name}: ${error instanceof Error ? error.message : "?"}`];
    }
  };
}

function unready(name: string, answer: unknown): string[] {
  const { conditions } = nodeSchema.parse(answer).status;
  const ready = conditions.find(({ type }) => type === "Ready");
  if (ready?.status === "True") return [];
  return [`the node ${name} is not ready${ready?.message === undefined ? "" : `: ${ready.message}`}`];
}

/** What a request needs to be this node's; undefined while it has no certificate. */
async function credentials(
  system: System,
  { kubernetes }: Node,
  { aws }: Settings,
): Promise<BunFetchRequestInit | undefined> {
  const ca = Buffer.from(kubernetes["cluster-certificate"] ?? "", "base64").toString("utf8");
  if (kubernetes["authentication-mode"] === "tls") {
    try {
      const pem = await readFile(hostPath(system, clientCertificate), "utf8");
      return { tls: { ca, cert: pem, key: pem } };
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
  const region = aws?.region === undefined ? [] : ["--region", aws.region];
  const cluster = kubernetes["cluster-name"] ?? "";
  const answer = await system.run(["/usr/bin/aws-iam-authenticator", "token", "-i", cluster, ...region]);
  const { token } = tokenSchema.parse(parseJson(answer)).status;
  return { tls: { ca }, headers: { authorization: `Bearer ${token}` } };
}
