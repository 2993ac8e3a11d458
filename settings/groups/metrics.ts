/** `settings.metrics` */
import { setting, table } from "../model/setting.ts";
import { pattern } from "../values/text.ts";
import { flag, listOf } from "../model/type.ts";
import { httpsUrl } from "../values/url.ts";

const service = pattern("the name of a systemd service, without .service", /^[A-Za-z0-9:_.@-]{1,200}$/);

export const metrics = table("Reports about the health of this host.", {
  "send-metrics": setting({ type: flag, doc: "Whether reports are sent. Needs metrics-url.", default: false }),
  "metrics-url": setting({
    type: httpsUrl,
    doc: "Where reports are sent.",
    example: "https://metrics.example.com/v1/metrics",
  }),
  "service-checks": setting({
    type: listOf(service),
    doc: "Services that must run for the host to count as healthy.",
    default: ["hostd", "chronyd", "containerd"],
  }),
});
