/** The real Helm, and the chart of the fleet's operator. */
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { machineArchitecture } from "../../../image/packages/tools-root.ts";
import { makeProgram } from "../../../image/recipes/programs.ts";
import { type Output, run } from "../../../lib/program/process.ts";

export const chart = join(import.meta.dir, "../../../cluster/chart/orlop-fleet");

export type Helm = (words: readonly string[], options?: { stdin?: string }) => Promise<Output>;

/**
 * Compiles it where it is not in the cache.
 *
 * @param directory where it keeps what it knows, and nowhere else
 */
export async function makeHelm(directory: string, kubeconfig: string, signal: AbortSignal): Promise<Helm> {
  const { path } = await makeProgram("helm/helm", { architecture: machineArchitecture(), fetch: { signal } });
  const env = {
    ...process.env,
    KUBECONFIG: kubeconfig,
    HELM_CACHE_HOME: join(directory, "cache"),
    HELM_CONFIG_HOME: join(directory, "config"),
    HELM_DATA_HOME: join(directory, "data"),
  };
  return async (words, { stdin } = {}) => await run([path, ...words], { env, stdin, signal });
}

/** What objects have in common. */
const KubernetesObject = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.object({ name: z.string(), namespace: z.string().optional() }),
});
export type KubernetesObject = z.output<typeof KubernetesObject>;

/** The objects of a manifest in YAML, as Helm renders them. */
export function objectsIn(manifest: string): KubernetesObject[] {
  return parseAllDocuments(manifest)
    .map((document): unknown => document.toJS())
    .filter((content) => content !== null)
    .map((content) => KubernetesObject.parse(content));
}
