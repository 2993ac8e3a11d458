/** That reports are to be sent: the units that send them start only where this is (`os/units/metricdog*.service`). */
import { configFile } from "./config-file.ts";

export const metrics = configFile({
  path: "/etc/send-metrics",
  render: (settings) => (settings.metrics["send-metrics"] ? "settings.metrics.send-metrics\n" : undefined),
});
