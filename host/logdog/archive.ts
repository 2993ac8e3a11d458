/** The support archive: made for whoever helps, from this host's logs and state, and without its secrets. */
import { connect } from "../../api/client/client.ts";
import { hostSocket } from "../../api/host-socket.ts";
import { removeIfPresent, removeLeftovers, writeFileAtomic } from "../../lib/files/files.ts";
import { modelFor, type Model, type SettingsTree } from "../../settings/model/model.ts";
import { withoutSecrets } from "../../settings/model/secrecy.ts";
import { readFacts } from "../machine/facts.ts";
import { maskerOf } from "../masking/masker.ts";
import { secretsOfHost } from "../masking/secrets-of-host.ts";
import { hostPath, type System } from "../machine/system.ts";
import { collect, pack } from "./bundle.ts";
import { requestsFor } from "./requests.ts";

/** Where the archive goes by default, and where the API finds it. */
export const archivePath = "/var/log/support/orlop-logs.tar.gz";

/** All of it: a log may hold what was a secret when it was written. */
const historyMost = 10_000;

/** `incomplete` when something could not be had. */
export type SupportArchive = { files: string[]; incomplete: boolean };

/** The settings as everybody may see them. */
export function openSettings(model: Model, tree: SettingsTree): SettingsTree {
  return model.tree(withoutSecrets(model, model.leaves(tree)));
}

/** Writes it to a path of the host. Rejects when the API does not answer: what is secret could not be known. */
export async function writeArchive(system: System, output: string, signal: AbortSignal): Promise<SupportArchive> {
  await removeLeftovers(hostPath(system, output)); // of one that was killed: as large as an archive
  await removeIfPresent(hostPath(system, output)); // an old one must not be taken for what is asked for
  const { variant } = await readFacts(system);
  const model = modelFor(variant);
  const api = connect({ socket: hostPath(system, hostSocket) });
  const settings = await api.call("getSettings", { signal });
  const history = await api.call("getHistory", { query: { limit: historyMost }, signal });
  const mask = maskerOf(secretsOfHost(model, settings, history));
  const pretty = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
  const known = {
    "settings.json": async () => await Promise.resolve(pretty(openSettings(model, settings))),
    "status.json": async () => pretty(await api.call("getStatus", { signal })),
  };
  const content = await collect(system, requestsFor(variant.orchestrator), known, mask, signal);
  // Logs may say what only the administrator of this host is to know.
  await writeFileAtomic(hostPath(system, output), await pack("orlop-logs", content), 0o600);
  return { files: Object.keys(content), incomplete: "logdog.errors" in content };
}
