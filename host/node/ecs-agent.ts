/**
 * What the agent of this instance of an ECS cluster answers about itself: a part of GET /status, and of the health gate.
 *
 * Source: the agent's introspection API, https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-agent-introspection.html
 */
import { z } from "zod";
import type { StatusBody } from "../../api/status.ts";
import { defined } from "../../lib/defined.ts";
import { messageOf } from "../../lib/failure.ts";
import { bytesOf } from "../../lib/files/http-body.ts";
import { parseJson } from "../../lib/text/json.ts";
import type { Facts } from "../machine/facts.ts";
import type { System } from "../machine/system.ts";
import type { NodeCheck } from "./node-ready.ts";

export type EcsStatus = NonNullable<StatusBody["ecs"]>;

const metadataUrl = new URL("http://127.0.0.1:51678/v1/metadata");
/** Who asks for the status does not wait longer for an agent that hangs. */
const patienceMs = 1_500;
const limits = { mostBytes: 64 * 1024, stallMs: patienceMs };

const metadataSchema = z.object({
  Cluster: z.string().nullish(),
  ContainerInstanceArn: z.string().nullish(),
  Version: z.string().nullish(),
});

/** Undefined on hosts that are no instances of ECS. */
export async function ecsStatus(system: System, facts: Facts, signal: AbortSignal): Promise<EcsStatus | undefined> {
  if (facts.variant.orchestrator.kind !== "ecs") return undefined;
  try {
    const response = await system.fetch(metadataUrl, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]),
    });
    const text = (await bytesOf(response, "the agent's answer", limits)).toString();
    if (!response.ok) return notReady(`the ECS agent answers ${response.status}`);
    const metadata = metadataSchema.safeParse(parseJson(text));
    if (!metadata.success) return notReady("the ECS agent's answer cannot be read");
    const { Cluster: cluster, ContainerInstanceArn: containerInstance, Version: agent } = metadata.data;
    const registered = typeof containerInstance === "string" && containerInstance !== "";
    return {
      ...defined({
        cluster: cluster ?? undefined,
        containerInstance: containerInstance ?? undefined,
        agent: agent ?? undefined,
      }),
      ready: registered,
      reasons: registered ? [] : [`the instance has not registered with the cluster ${cluster ?? "default"} yet`],
    };
  } catch (error) {
    signal.throwIfAborted();
    return notReady(`the ECS agent does not answer: ${messageOf(error)}`);
  }
}

const notReady = (reason: string): EcsStatus => ({ ready: false, reasons: [reason] });

/** For the health gate; undefined on hosts that are no instances of ECS. */
export function ecsCheck(system: System, facts: Facts): NodeCheck | undefined {
  if (facts.variant.orchestrator.kind !== "ecs") return undefined;
  return async (signal) => (await ecsStatus(system, facts, signal))?.reasons ?? [];
}
