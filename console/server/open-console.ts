/** Puts the console of one host together: who looks, which settings there are, what is secret. */
import { X509Certificate } from "node:crypto";
import { z } from "zod";
import type { Client } from "../../api/client/client.ts";
import type { HostAddress, KeptConnection } from "../../api/client/transport.ts";
import { roles, type Role } from "../../api/endpoints/endpoint.ts";
import type { ClientContext } from "../../host/commands/apiclient/context.ts";
import { modelOfHost } from "../../host/commands/apiclient/host-model.ts";
import { ConsoleServer } from "./console-server.ts";
import { pageFiles } from "./page-files.ts";
import { Veil } from "./veil.ts";

/** @param kept for what is asked again and again */
export async function openConsole(
  context: ClientContext,
  kept: KeptConnection,
  { mayWrite, port }: { mayWrite: boolean; port: number },
): Promise<ConsoleServer> {
  const [address, client, polling] = await Promise.all([context.address(), context.api(), context.apiOver(kept)]);
  const [{ model }, role, files] = await Promise.all([
    modelOfHost(client, context.signal),
    roleAt(address, client, context.signal),
    pageFiles(),
  ]);
  const viewer = { address: "socket" in address ? address.socket : address.url, role, mayWrite };
  const host = { client, polling, veil: new Veil(model), viewer, catalogue: model.catalogue };
  return await ConsoleServer.open(host, files, port);
}

const rolesInSettings = z.object({
  api: z.object({ remote: z.object({ roles: z.record(z.string(), z.enum(roles)) }) }),
});

/** What the page offers; what is allowed, the host decides at each request. */
async function roleAt(address: HostAddress, client: Client, signal: AbortSignal): Promise<Role> {
  if ("socket" in address) return "admin";
  const [, name = ""] = /^CN=(.*)$/m.exec(new X509Certificate(address.certificate).subject) ?? [];
  const settings = await client.call("getSettings", { query: { keys: ["settings.api.remote.roles"] }, signal });
  return rolesInSettings.safeParse(settings).data?.api.remote.roles[name] ?? "read-only";
}
