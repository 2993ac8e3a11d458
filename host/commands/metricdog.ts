/** `metricdog`: reports about the health of this host, when settings.metrics says so. */
import { connect } from "../../api/client/client.ts";
import { hostSocket } from "../../api/host-socket.ts";
import { modelFor } from "../../settings/model/model.ts";
import { readFacts } from "../machine/facts.ts";
import type { ReportEvent } from "../metricdog/report.ts";
import { sendReport, type Sent } from "../metricdog/send.ts";
import { hostPath } from "../machine/system.ts";
import { hostCommand, hostProgram, runHostProgram } from "./host-program.ts";

function report(name: string, event: ReportEvent, summary: string) {
  return hostCommand({
    name,
    summary,
    description:
      "Does nothing while settings.metrics.send-metrics is false. A report that cannot be sent is no failure.",
    examples: [{ run: `metricdog ${name}`, description: "as its unit does" }],
    async run({ system, invocation: { signal } }): Promise<Sent> {
      const facts = await readFacts(system);
      const api = connect({ socket: hostPath(system, hostSocket) });
      const settings = modelFor(facts.variant).complete(await api.call("getSettings", { signal }));
      return await sendReport(system, event, settings, facts, signal);
    },
    print: describe,
  });
}

function describe(sent: Sent): string {
  switch (sent.kind) {
    case "sent":
      return `reported to ${new URL(sent.url).host}`;
    case "off":
      return "reports are off";
    case "failed":
      return `cannot report: ${sent.reason}`;
  }
}

export const metricdog = hostProgram({
  name: "metricdog",
  summary: "Report on the health of this host",
  commands: [
    report("send-boot-success", "boot_success", "Say that this boot succeeded"),
    report("send-health-ping", "health_ping", "Say whether the services of this host run"),
  ],
});

export async function main(words: readonly string[]): Promise<never> {
  return await runHostProgram(metricdog, words);
}
