/**
 * The updater of an ECS cluster as a program: what the image of the stack's scheduled task runs. Its options have the
 * names of Bottlerocket's ECS updater; it exits with 0 when nothing is left to do now, and with 1 when the roll-out is
 * halted.
 */
import { parseArgs } from "node:util";
import { defined } from "../../lib/defined.ts";
import { explain } from "../../lib/failure.ts";
import { machineClock } from "../../lib/clock.ts";
import { followingRedirects } from "../../lib/files/http-redirects.ts";
import { accessTo, type ClusterAccess } from "./cluster-access.ts";
import { readClusterPolicy } from "./ecs-policy.ts";
import { earlierTask, ownTask } from "./sole-updater.ts";
import { documentNames } from "./stack/documents.ts";
import { ClusterUpdater } from "./updater.ts";

const text = { type: "string" } as const;
const options = {
  cluster: text,
  region: text,
  "check-document": text,
  "apply-document": text,
  "reboot-document": text,
  "status-document": text,
} as const;

const pace = { passMs: 10_000, pollMs: 3_000, answerMs: 90_000 };
const log = (line: string): void => void process.stderr.write(`${line}\n`);

async function main(argv: string[], env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number> {
  const { values } = parseArgs({ args: argv, options, strict: true });
  const policy = readClusterPolicy(env["FLEET_POLICY"] ?? "{}");
  const cluster = values.cluster ?? env["ECS_CLUSTER"] ?? "default";
  const access = accessTo(cluster, defined({ region: values.region }));
  const documents = {
    check: values["check-document"] ?? documentNames.check,
    apply: values["apply-document"] ?? documentNames.apply,
    reboot: values["reboot-document"] ?? documentNames.reboot,
    status: values["status-document"] ?? documentNames.status,
  };
  const earlier = await earlierUpdater(access, env["ECS_CONTAINER_METADATA_URI_V4"], signal);
  if (earlier !== undefined) {
    log(`leaves the cluster to an updater that runs already: ${earlier}`);
    return 0;
  }
  const updater = new ClusterUpdater({ access, policy, documents, clock: machineClock, pace, log }, signal);
  const outcome = await updater.run();
  if (outcome.kind === "rest") return 0;
  log(`halted: ${outcome.reason}`);
  return 1;
}

/** Where it runs outside of ECS, a person sees to it that it runs alone. */
async function earlierUpdater({ ecs }: ClusterAccess, metadata: string | undefined, signal: AbortSignal) {
  if (metadata === undefined) return undefined;
  return await earlierTask(ecs, await ownTask(metadata, followingRedirects(fetch), signal), signal);
}

const stop = new AbortController();
for (const name of ["SIGTERM", "SIGINT"] as const) {
  process.on(name, () => stop.abort(new Error(`got ${name}`)));
}
try {
  process.exit(await main(process.argv.slice(2), process.env, stop.signal));
} catch (error) {
  log(explain(error));
  process.exit(1);
}
