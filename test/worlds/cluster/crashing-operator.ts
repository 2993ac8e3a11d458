/**
 * An operator that dies whenever it has done a step of a roll-out, before it hears that the step is done, and starts again:
 * between any two steps it knows nothing but what the cluster has.
 */
import { join } from "node:path";
import { z } from "zod";
import { labels } from "../../../api/fleet/annotations.ts";
import { noted } from "../../../kubernetes/annotation.ts";
import type { ControlPlane } from "../../../vm/cluster/control-plane.ts";
import { type OperatorProcess, startOperator } from "./operator-process.ts";
import { type DoneWrite, RoughProxy } from "./rough-proxy.ts";

const NodePatch = z.object({ metadata: z.object({ labels: z.record(z.string(), z.string().nullable()) }) });
const LedgerPatch = z.object({
  status: z.object({ claims: z.array(z.object({ node: z.string() })), halted: z.object({}).nullable() }),
});

/** In a Lease, one that starts again under its name goes on at once. */
const name = "operator";

export class CrashingOperator implements AsyncDisposable {
  readonly #kubeconfig: string;
  readonly #proxy: RoughProxy;
  #running: OperatorProcess;
  /** After which steps it died. */
  readonly deaths: string[] = [];
  /** Whether it dies after such a step. */
  dies: (step: string) => boolean = () => false;

  private constructor(kubeconfig: string, proxy: RoughProxy, running: OperatorProcess) {
    this.#kubeconfig = kubeconfig;
    this.#proxy = proxy;
    this.#running = running;
    proxy.beforeAnswer = async (write) => await this.#afterWrite(write);
  }

  /** @param directory where it finds its kubeconfig */
  static async start(cluster: ControlPlane, directory: string): Promise<CrashingOperator> {
    const proxy = new RoughProxy(cluster);
    const kubeconfig = join(directory, "operator.conf");
    await proxy.writeKubeconfig(kubeconfig);
    return new CrashingOperator(kubeconfig, proxy, await startOperator(kubeconfig, name));
  }

  async #afterWrite(write: DoneWrite): Promise<void> {
    const step = stepOf(write);
    if (step === undefined || !this.dies(step)) return;
    this.deaths.push(step);
    await this.#running.kill();
    this.#running = await startOperator(this.#kubeconfig, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
    await this.#proxy[Symbol.asyncDispose]();
  }
}

/** What a write does in a roll-out: "node-1: Draining", "evicts", "claims node-1", "halts"; undefined when it only tells people. */
function stepOf({ method, path, body }: DoneWrite): string | undefined {
  if (method === "POST" && path.endsWith("/eviction")) return "evicts";
  const [, node] = /^\/api\/v1\/nodes\/([^/]+)$/.exec(path) ?? [];
  if (node !== undefined) {
    const step = noted(NodePatch, body)?.metadata.labels[labels.step];
    return step === undefined ? undefined : `${node}: ${step ?? "at rest"}`;
  }
  const ledger = noted(LedgerPatch, body)?.status;
  if (ledger === undefined) return undefined;
  if (ledger.halted !== null) return "halts";
  return `claims ${ledger.claims.map((claim) => claim.node).join(", ")}`.trim();
}
