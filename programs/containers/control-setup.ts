/**
 * `control-setup`: what the control container does before SSM's agent starts, where its image has one.
 *
 * What the agent knows outlives the container in its persistent directory. A machine that is no instance of EC2 registers once, by
 * an activation in the user data with the keys of Bottlerocket's control container.
 */
import { lstat, mkdir, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { explain, Failure, isNotFound } from "../../lib/failure.ts";
import { isPresent, readTextIfPresent } from "../../lib/files/files.ts";
import { run } from "../../lib/program/process.ts";
import type { Argv } from "../../lib/program/program.ts";
import { parseJson } from "../../lib/text/json.ts";

const persistent = "/.bottlerocket/host-containers/current";
/** Where the agent keeps who it is. */
const agentState = "/var/lib/amazon/ssm";
const registration = "registration";

const word = z.string().regex(/^[^\s\0-][^\s\0]*$/, "must be one word");
const schema = z.looseObject({
  ssm: z.looseObject({ "activation-id": word, "activation-code": word, region: word }).optional(),
});
export type Activation = NonNullable<z.infer<typeof schema>["ssm"]>;

/** @throws {Failure<"bad-json" | "bad-user-data">} which say where the document is wrong */
export function readActivation(text: string): Activation | undefined {
  if (text.trim() === "") return undefined;
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data.ssm;
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? "" : ` at ${issue.path.join(".")}`;
  throw new Failure("bad-user-data", `cannot use the user data of the control container${where}: ${issue?.message}`);
}

/** How the agent is registered with an activation. */
export function registerCommand({ "activation-id": id, "activation-code": code, region }: Activation): Argv {
  return ["amazon-ssm-agent", "-register", "-id", id, "-code", code, "-region", region, "-y"];
}

/** @param root directory that stands for `/` of the container */
export async function setUpControl(
  root: string,
  register: (argv: Argv) => Promise<unknown>,
  say: (line: string) => void,
): Promise<void> {
  const own = join(root, persistent);
  const activation = readActivation((await readTextIfPresent(join(own, "user-data"))) ?? "");
  await mkdir(join(own, "ssm"), { recursive: true, mode: 0o700 });
  await linkState(join(root, agentState), `${persistent}/ssm`);
  if (activation === undefined || (await isPresent(join(own, "ssm", registration)))) return;
  await register(registerCommand(activation));
  say(`registered with SSM in ${activation.region}`);
}

/** In the place of a directory that the image may have. */
async function linkState(path: string, target: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  try {
    if ((await lstat(path)).isSymbolicLink()) return;
    await rm(path, { recursive: true });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  await symlink(target, path);
}

export async function main(): Promise<never> {
  const say = (line: string): void => void process.stderr.write(`control-setup: ${line}\n`);
  try {
    await setUpControl("/", run, say);
    process.exit(0);
  } catch (error) {
    say(explain(error));
    process.exit(1);
  }
}
