/** The operator as the process that its pod would be, so that it can be killed at any moment. */
import { join } from "node:path";
import { z } from "zod";
import { start } from "../../../lib/program/program.ts";
import { freePort } from "../../../lib/free-port.ts";

const program = join(import.meta.dir, "../../../cluster/operator/main.ts");

export type OperatorProcess = AsyncDisposable & {
  /** As a node that loses power would. */
  kill(): Promise<void>;
  metrics(): Promise<string>;
  /** Resident, in bytes. */
  memoryBytes(): Promise<number>;
};

/** @param name by which it is known in the Lease */
export async function startOperator(kubeconfig: string, name: string): Promise<OperatorProcess> {
  const port = await freePort();
  const env = { ...process.env, KUBECONFIG: kubeconfig, POD_NAME: name, PORT: String(port) };
  const child = start([process.execPath, program], { env, stdout: "ignore", stderr: "inherit" });
  return {
    async kill() {
      process.kill(child.pid, "SIGKILL");
      await child.exited;
    },
    metrics: async () => await (await fetch(`http://127.0.0.1:${port}/metrics`)).text(),
    async memoryBytes() {
      const text = await Bun.file(`/proc/${child.pid}/status`).text();
      return z.coerce.number().parse(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1]) * 1024;
    },
    async [Symbol.asyncDispose]() {
      await child.end(10_000);
    },
  };
}
