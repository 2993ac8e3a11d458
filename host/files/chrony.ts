/** Time servers for chronyd; see chrony.conf(5). */
import type { Settings } from "../../settings/model/model.ts";
import { configFile } from "./config-file.ts";

export const chronyConf = configFile({
  path: "/etc/chrony/chrony.conf",
  restart: ["chrony.service"],
  render: ({ ntp }) =>
    [
      "# Written from settings.ntp; changes are overwritten.",
      ...timeSources(ntp),
      "driftfile /var/lib/chrony/chrony.drift",
      "ntsdumpdir /var/lib/chrony",
      // Steps a clock that is far off at boot, and only slews it afterwards: containers see time go forward.
      "makestep 1.0 3",
      "rtcsync",
      "leapseclist /usr/share/zoneinfo/leap-seconds.list",
      ...(ntp.logging === undefined || ntp.logging.length === 0
        ? []
        : ["logdir /var/log/chrony", `log ${ntp.logging.join(" ")}`]),
      "",
    ].join("\n"),
});

function timeSources({ "time-servers": servers, options: common }: Settings["ntp"]): string[] {
  return Object.values(servers).map((server) =>
    typeof server === "string"
      ? ["pool", server, ...common].join(" ")
      : [server.directive, server.address, ...server.options].join(" "),
  );
}
