/** What happened to hosts outside of clusters, by what each keeps of it itself. */
import type { HistoryBody } from "../../api/answers.ts";
import { authorText } from "../../api/author-text.ts";
import type { RecordedEvent } from "../../kubernetes/events.ts";
import { messageOf } from "../../lib/failure.ts";
import { onOneLine } from "../../lib/text/printable.ts";
import { hostNames, reachHost } from "./hosts.ts";

type Entry = HistoryBody[number];

/** Of each host. */
const mostEntries = 100;

export type HostsHistory = {
  /** Of all hosts, the newest last. */
  events: RecordedEvent[];
  /** Hosts that did not tell theirs, and why. */
  silent: { name: string; reason: string }[];
};

/** @param file as `hostNames` reads it */
export async function hostsHistory(file: string, signal: AbortSignal): Promise<HostsHistory> {
  const history: HostsHistory = { events: [], silent: [] };
  const ask = async (name: string): Promise<void> => {
    try {
      const entries = await reachHost(name, signal, async (host, inTime) =>
        host.call("getHistory", { query: { limit: mostEntries }, signal: inTime }),
      );
      history.events.push(...entries.map((entry) => ({ at: entry.at, kind: "Node", name, ...happened(entry) })));
    } catch (error) {
      signal.throwIfAborted();
      history.silent.push({ name, reason: messageOf(error) });
    }
  };
  await Promise.all((await hostNames(file)).map(ask));
  history.events.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  return history;
}

/** An entry is a line, whatever a message or a command has in it. */
function happened(entry: Entry): Pick<RecordedEvent, "reason" | "message"> {
  if ("exec" in entry) {
    const { container, command } = entry.exec;
    return { reason: "Ran", message: onOneLine(`${authorText(entry.by)}, in ${container}: ${command.join(" ")}`) };
  }
  if ("order" in entry) {
    const { by, do: deed, version, outcome } = entry.order;
    return { reason: "Ordered", message: onOneLine(`fleet policy ${by}: ${deed} ${version}: ${outcome}`) };
  }
  return { reason: "Changed", message: onOneLine(`${authorText(entry.by)}: ${entry.says}`) };
}
