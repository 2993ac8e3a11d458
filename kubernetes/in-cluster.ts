/** How a pod reaches its cluster: by the token of its ServiceAccount, which kubelet renews. */
import { readFile } from "node:fs/promises";
import { machineClock } from "../lib/clock.ts";
import { Failure } from "../lib/failure.ts";
import type { KubernetesConnection } from "./client.ts";

const directory = "/var/run/secrets/kubernetes.io/serviceaccount";
/** A token lives for an hour, and kubelet writes another after four fifths of it. */
const rereadMs = 60_000;

/** @throws {Failure<"not-in-cluster">} */
export function inClusterConnection(env: NodeJS.ProcessEnv): KubernetesConnection {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (host === undefined || port === undefined) {
    throw new Failure("not-in-cluster", "cannot find the cluster: this does not run in a pod", {
      hint: "outside of a cluster, KUBECONFIG names a kubeconfig",
    });
  }
  let known: { init: BunFetchRequestInit; readMs: number } | undefined;
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    async credentials() {
      const nowMs = machineClock.elapsedMs();
      if (known === undefined || nowMs - known.readMs > rereadMs) {
        const ca = await readFile(`${directory}/ca.crt`, "utf8");
        const token = (await readFile(`${directory}/token`, "utf8")).trim();
        known = { init: { tls: { ca }, headers: { authorization: `Bearer ${token}` } }, readMs: nowMs };
      }
      return known.init;
    },
    fetch,
    clock: machineClock,
  };
}
