/** The console of a host that runs in this process, as `apiclient console` opens it. */
import { connect, type Client } from "../../../api/client/client.ts";
import { KeptConnection, type HostAddress } from "../../../api/client/transport.ts";
import { defined } from "../../../lib/defined.ts";
import { openConsole } from "../../../console/server/open-console.ts";
import type { LoopbackServer } from "../../../web/server/loopback-server.ts";

/** @param exec what runs programs in containers, where the host of a test has no containers */
export async function consoleOf(
  address: HostAddress,
  { mayWrite = false, signal, exec }: { mayWrite?: boolean; signal: AbortSignal; exec?: Client["exec"] },
): Promise<LoopbackServer> {
  const context = {
    invocation: {
      signal,
      stdin: async function* () {},
      write: () => undefined,
      note: () => undefined,
      conversation: () => {
        throw new Error("nobody sits at this terminal");
      },
    },
    signal,
    verbose: false,
    meansThisHost: false,
    address: async () => address,
    api: async () => ({ ...connect(address), ...defined({ exec }) }),
    apiOver: async (kept: KeptConnection) => connect(address, kept),
  };
  return await openConsole(context, new KeptConnection(), { mayWrite, port: 0 });
}
