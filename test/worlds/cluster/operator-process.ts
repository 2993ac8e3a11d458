/** The operator as the process that its pod would be, so that it can be killed at any moment. */
import { join } from "node:path";
import { z } from "zod";
import { defined } from "../../../lib/defined.ts";
import { start } from "../../../lib/program/program.ts";
import { freePort } from "../../../lib/free-port.ts";

const program = join(import.meta.dir, "../../../cluster/operator/main.ts");

export type OperatorProcess = AsyncDisposable & {
  /** As a node that loses power would. */
  kill(): Promise<void>;
  metrics(): Promise<string>;
  /** Resident, in bytes. */
  memoryBytes(): Promise<number>;
  /** Resident at most so far, in bytes. */
  peakMemoryBytes(): Promise<number>;
  /** Of processors, so far. */
  processorSeconds(): Promise<number>;
};

export type OperatorPlace = {
  /** Of the Lease. */
  namespace?: string;
  /** On which its pod would run. */
  node?: string;
};

/** @param name by which it is known in the Lease */
export async function startOperator(
  kubeconfig: string,
  name: string,
  { namespace, node }: OperatorPlace = {},
): Promise<OperatorProcess> {
  const port = await freePort();
  const env = {
    ...process.env,
    KUBECONFIG: kubeconfig,
    POD_NAME: name,
    PORT: String(port),
    ...defined({ POD_NAMESPACE: namespace, NODE_NAME: node }),
  };
  const child = start([process.execPath, program], { env, stdout: "ignore", stderr: "inherit" });
  return {
    async kill() {
      process.kill(child.pid, "SIGKILL");
      await child.exited;
    },
    metrics: async () => await (await fetch(`http://127.0.0.1:${port}/metrics`)).text(),
    memoryBytes: async () => await statusBytes(child.pid, "VmRSS"),
    peakMemoryBytes: async () => await statusBytes(child.pid, "VmHWM"),
    async processorSeconds() {
      // Source: proc_pid_stat(5); fields 14 and 15, in hundredths of a second. A name may have spaces, and ends with ")".
      const text = await Bun.file(`/proc/${child.pid}/stat`).text();
      const [user = 0, system = 0] = text.slice(text.lastIndexOf(")")).split(" ").slice(12, 14).map(Number);
      return (user + system) / 100;
    },
    async [Symbol.asyncDispose]() {
      await child.end(10_000);
    },
  };
}

async function statusBytes(pid: number, field: string): Promise<number> {
  const text = await Bun.file(`/proc/${pid}/status`).text();
  return z.coerce.number().parse(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]) * 1024;
}
