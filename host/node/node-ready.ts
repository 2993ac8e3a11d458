/**
 * Whether the cluster takes this node for ready: asked of the cluster's API, as the node itself.
 *
 * That kubelet runs says little: a node without a working network, or with a runtime that it cannot use, is not ready.
 */
import { X509Certificate } from "node:crypto";
import { z } from "zod";
import { messageOf, systemErrorCode } from "../../lib/failure.ts";
import { bytesOf } from "../../lib/files/http-body.ts";
import { parseJson } from "../../lib/text/json.ts";
import type { Settings } from "../../settings/groups/group.ts";
import type { Facts } from "../machine/facts.ts";
import { type KubernetesNode, nodeOf } from "../files/kubernetes/node.ts";
import { KubernetesClient } from "../../kubernetes/client.ts";
import { nodes } from "../../kubernetes/objects.ts";
import { objectPath } from "../../kubernetes/resource.ts";
import type { System } from "../machine/system.ts";
import { authorityOf, nodeCredentials } from "./cluster-connection.ts";

const requestMs = 5_000;
/** etcd keeps no object that is larger. */
const nodeLimits = { mostBytes: 2 * 1024 * 1024, stallMs: requestMs };

const nodeSchema = z.object({
  status: z.object({
    conditions: z.array(z.object({ type: z.string(), status: z.string(), message: z.string().optional() })).default([]),
  }),
});
/** Sentences about what keeps the node from being ready; none when it is. */
export type NodeCheck = (signal: AbortSignal) => Promise<string[]>;

export function nodeName({ kubernetes, network }: Settings): string {
  return kubernetes?.["hostname-override"] ?? network.hostname ?? "";
}

/** Undefined on hosts whose settings name no cluster and do not make them standalone. */
export function nodeCheck(system: System, settings: Settings, facts: Facts): NodeCheck | undefined {
  const node = nodeOf(settings, facts);
  if (node === undefined) return undefined;
  return async (signal) => {
    const { cluster } = node;
    if (cluster === undefined) return [];
    const name = nodeName(settings);
    const ask: Ask = async (path, init) => {
      const { fetch, clock } = system;
      const client = new KubernetesClient({ ...cluster, credentials: async () => Promise.resolve(init), fetch, clock });
      return await client.ask(path, { limitMs: requestMs }, signal);
    };
    try {
      const known = await nodeCredentials(system, node, settings);
      if (known === undefined) return [await whyNoCertificate(name, node, ask)];
      const response = await ask(objectPath(nodes, { name }), known.init);
      if (response.status === 401 && known.certificate !== undefined) {
        return [whyNotAccepted(known.certificate, system.clock.now())];
      }
      if (response.status === 404) return [`the node ${name} has not registered with the cluster yet`];
      if (!response.ok) return [`the cluster answers ${response.status} about the node ${name}`];
      return unready(name, parseJson((await bytesOf(response, "the node", nodeLimits)).toString()));
    } catch (error) {
      signal.throwIfAborted();
      return [`the cluster does not tell about the node ${name}: ${whyNoAnswer(error, node, system.clock.now())}`];
    }
  };
}

function unready(name: string, answer: unknown): string[] {
  const { conditions } = nodeSchema.parse(answer).status;
  const ready = conditions.find(({ type }) => type === "Ready");
  if (ready?.status === "True") return [];
  return [`the node ${name} is not ready${ready?.message === undefined ? "" : `: ${ready.message}`}`];
}

type Ask = (path: string, init: BunFetchRequestInit) => Promise<Response>;

/** Kubelet asks for a certificate by the token; whether the cluster knows that one, any path without a secret tells. */
async function whyNoCertificate(name: string, { kubernetes }: KubernetesNode, ask: Ask): Promise<string> {
  const authorization = `Bearer ${kubernetes["bootstrap-token"] ?? ""}`;
  const { status } = await ask("/version", { tls: { ca: authorityOf(kubernetes) }, headers: { authorization } });
  return status === 401
    ? "the cluster does not accept settings.kubernetes.bootstrap-token: it is wrong, or has expired"
    : `the node ${name} has no certificate of the cluster yet: its request is not made or not approved`;
}

function whyNotAccepted(certificate: string, now: Date): string {
  const { validToDate } = new X509Certificate(certificate);
  return validToDate < now
    ? `the node's certificate has expired at ${validToDate.toISOString()}; this host's clock says ${now.toISOString()}`
    : "the cluster does not accept the node's certificate";
}

/** An error of TLS that has to do with time names this host's clock, which may be what is wrong. */
function whyNoAnswer(error: unknown, { kubernetes }: KubernetesNode, now: Date): string {
  const code = systemErrorCode(error) ?? "";
  const isAboutTrust = /CERT|ISSUER|SIGNATURE/.test(code);
  if (!isAboutTrust) return messageOf(error);
  const clock = `this host's clock says ${now.toISOString()}`;
  const setting = "settings.kubernetes.cluster-certificate";
  const { validFromDate, validToDate } = new X509Certificate(authorityOf(kubernetes));
  if (validToDate < now) return `${setting} has expired at ${validToDate.toISOString()}; ${clock}`;
  if (validFromDate > now) return `${setting} is valid from ${validFromDate.toISOString()} on only; ${clock}`;
  if (code === "CERT_HAS_EXPIRED") return `the certificate that it serves with has expired; ${clock}`;
  if (code === "CERT_NOT_YET_VALID") return `the certificate that it serves with is not valid yet; ${clock}`;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return "its certificate is for another name than settings.kubernetes.api-server";
  return `its certificate is not signed by ${setting}`;
}
