/** The process of `./orlop cluster up`: runs the control plane until a signal ends it, or a part of it ends by itself. */
import { z } from "zod";
import { explain, isFailure } from "../../lib/failure.ts";
import { RunningMachine } from "../running-machine.ts";
import { directoryOf } from "../up.ts";
import { controlPlaneDirectory, keepCluster } from "./cluster.ts";
import { startControlPlane } from "./control-plane.ts";
import { clusterMinors } from "./minors.ts";

/** Machines are known to the cluster by their names. */
async function kubeletPort(node: string): Promise<number | undefined> {
  try {
    return (await RunningMachine.find(directoryOf(node)))?.record.kubeletPort;
  } catch (error) {
    if (isFailure(error, "damaged-record", "bad-name")) return undefined;
    throw error;
  }
}

async function main(): Promise<void> {
  const stop = new AbortController();
  const signalled = new Promise<void>((resolve) => {
    for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      process.on(name, () => {
        stop.abort(new Error(`got ${name}`));
        resolve();
      });
    }
  });
  const minor = z.enum(clusterMinors).parse(process.argv[2]);
  const { signal } = stop;
  await using cluster = await startControlPlane({ directory: controlPlaneDirectory, kubeletPort, minor, signal });
  await keepCluster(cluster);
  await Promise.race([signalled, cluster.ended]);
}

try {
  await main();
  process.exit(0);
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(1);
}
