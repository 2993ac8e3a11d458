/** User data from EC2: the region from the identity document, then what the person gave, which may override it. */
import { z } from "zod";
import { isFailure } from "../../lib/failure.ts";
import { parseJson } from "../../lib/text/json.ts";
import type { Variant } from "../../variants/variant.ts";
import { Imds } from "../machine/imds.ts";
import type { System } from "../machine/system.ts";
import type { UserData } from "./source.ts";

/** How long the network may take to come up. */
const reachableMs = 60_000;

const identityDocument = z.object({ region: z.string().min(1) });

export async function readEc2(system: System, signal: AbortSignal, { groups }: Variant): Promise<UserData[]> {
  const imds = new Imds(system);
  await imds.reachable(reachableMs, signal);
  const documents: UserData[] = [];
  if (groups.includes("aws"))
    documents.push({ from: "EC2 instance identity document", ...(await identity(imds, signal)) });
  const document = await imds.bytes("user-data", signal);
  if (document !== undefined && document.length > 0) documents.push({ from: "EC2 user data", document });
  return documents;
}

/** What it says about the region. A document that says nothing must not take the user data with it. */
async function identity(
  imds: Imds,
  signal: AbortSignal,
): Promise<{ settings: { aws: { region: string } } } | { problem: string }> {
  try {
    const text = await imds.text("dynamic/instance-identity/document", signal);
    const parsed = identityDocument.safeParse(text === undefined ? undefined : parseJson(text));
    if (parsed.success) return { settings: { aws: { region: parsed.data.region } } };
    return { problem: "cannot find the region: it does not name one" };
  } catch (error) {
    if (!isFailure(error, "bad-json", "imds-refused")) throw error;
    return { problem: error.message };
  }
}
