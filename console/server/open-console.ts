/** Puts the console of one host together: who looks, which settings there are, what is secret. */
import { X509Certificate } from "node:crypto";
import { z } from "zod";
import type { Client } from "../../api/client/client.ts";
import type { HostAddress, KeptConnection } from "../../api/client/transport.ts";
import { roles, type Role } from "../../api/endpoints/endpoint.ts";
import type { ClientContext } from "../../host/commands/apiclient/context.ts";
import { modelOfHost } from "../../host/commands/apiclient/host-model.ts";
import { isFailure } from "../../lib/failure.ts";
import type { LoopbackServer } from "../../web/server/loopback-server.ts";
import { pageFiles } from "../../web/server/page-files.ts";
import { serveConsole } from "./console-server.ts";
import { hostPage } from "./host-page.ts";
import { Veil } from "./veil.ts";

/** @param kept for what is asked again and again */
export async function openConsole(
  context: ClientContext,
  kept: KeptConnection,
  { mayWrite, port }: { mayWrite: boolean; port: number },
): Promise<LoopbackServer> {
  const [address, client, polling] = await Promise.all([context.address(), context.api(), context.apiOver(kept)]);
  const [{ model }, role, files] = await Promise.all([
    modelOfHost(client, context.signal),
    roleAt(address, client, context.signal),
    pageFiles(hostPage),
  ]);
  const viewer = { address: "socket" in address ? address.socket : address.url, role, mayWrite };
  const veil = new Veil(model);
  await learnSecrets(veil, client, context.signal);
  const host = { client, polling, veil, viewer, catalogue: model.catalogue };
  return await serveConsole(host, { files, port });
}

/** Before anything is shown. A host whose settings cannot be read has none to tell, and its page is needed all the more. */
async function learnSecrets(veil: Veil, client: Client, signal: AbortSignal): Promise<void> {
  try {
    const settings = await client.call("getSettings", { query: {}, signal });
    const entries = await client.call("getHistory", { query: {}, signal });
    veil.learn({ settings, entries });
  } catch (error) {
    if (!isFailure(error, "kept-unusable")) throw error;
  }
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
