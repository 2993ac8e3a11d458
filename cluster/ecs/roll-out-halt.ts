/**
 * The halt of a roll-out, and a person's words about it: parameters of SSM below `/orlop/fleet/CLUSTER/`.
 *
 * `halted` is written by the updater. People write `stop`, whose value is their reason, and `resume`, with the id of the
 * halt that is over.
 */
import {
  DeleteParametersCommand,
  GetParametersCommand,
  PutParameterCommand,
  type SSMClient,
} from "@aws-sdk/client-ssm";
import { isFailure } from "../../lib/failure.ts";
import { parseJson } from "../../lib/text/json.ts";
import { Halt } from "../policy/fleet-policy.ts";

export type HaltParameters = { halted: Halt | undefined; stop: string | undefined; resume: string | undefined };

/** @param cluster its name */
export const parameterName = (cluster: string, name: keyof HaltParameters): string => `/orlop/fleet/${cluster}/${name}`;

/** @throws where the halt cannot be read: then nothing may go on */
export async function readHalt(ssm: SSMClient, cluster: string, signal: AbortSignal): Promise<HaltParameters> {
  const names = (["halted", "stop", "resume"] as const).map((name) => parameterName(cluster, name));
  const { Parameters = [] } = await ssm.send(new GetParametersCommand({ Names: names }), { abortSignal: signal });
  const value = (name: keyof HaltParameters): string | undefined =>
    Parameters.find(({ Name }) => Name === parameterName(cluster, name))?.Value;
  return { halted: haltIn(value("halted")), stop: value("stop"), resume: value("resume") };
}

/** A halt that nobody can read halts all the same. */
function haltIn(text: string | undefined): Halt | undefined {
  if (text === undefined) return undefined;
  const unread = {
    id: "unread",
    node: "-",
    version: "-",
    reason: `its parameter cannot be read: ${text}`,
    at: new Date(0),
  };
  try {
    return Halt.safeParse(parseJson(text)).data ?? unread;
  } catch (error) {
    if (isFailure(error, "bad-json")) return unread;
    throw error;
  }
}

export async function writeHalt(
  ssm: SSMClient,
  cluster: string,
  halted: Halt | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (halted === undefined) {
    const names = [parameterName(cluster, "halted"), parameterName(cluster, "resume")];
    await ssm.send(new DeleteParametersCommand({ Names: names }), { abortSignal: signal });
    return;
  }
  await ssm.send(
    new PutParameterCommand({
      Name: parameterName(cluster, "halted"),
      Value: JSON.stringify(halted),
      Type: "String",
      Overwrite: true,
    }),
    { abortSignal: signal },
  );
}
