/** `settings.ntp` */
import { z } from "zod";
import { chronyOptions } from "../../values/chrony-options.ts";
import { host } from "../../values/network-names.ts";
import { setting, table } from "../../model/setting.ts";
import { identifier } from "../../values/text.ts";
import { listOf, oneOf, tableOf, typeOf } from "../../model/type.ts";

const server = typeOf("a table with address, and perhaps directive (server or pool) and options", (refusal) =>
  tableOf(
    {
      address: host.schema(),
      directive: oneOf("server", "pool").schema().default("server"),
      options: chronyOptions.schema().default([]),
    },
    refusal,
  ),
);

const servers = typeOf(
  "a list of host names and IP addresses, a list of tables with address, directive and options, or a table of such tables by name",
  (refusal) =>
    z.union(
      [listOf(host).schema(), listOf(server).schema(), z.record(identifier.schema(), server.schema(), refusal)],
      refusal,
    ),
);

export const ntp = table("Time.", {
  "time-servers": setting({
    type: servers,
    doc: "Where the time comes from. Names and addresses are used as pools with settings.ntp.options, tables as they say. They are set as a whole, also where they have names.",
    default: ["2.debian.pool.ntp.org"],
    example: { public: { address: "time.example.com", directive: "server", options: ["iburst", "minpoll 4"] } },
  }),
  options: setting({
    type: chronyOptions,
    doc: "Options for every time server that is given as a name or address, in the words of chrony.conf.",
    default: ["iburst"],
  }),
  logging: setting({
    type: listOf(
      oneOf("measurements", "rawmeasurements", "refclocks", "rtc", "selection", "statistics", "tempcomp", "tracking"),
    ),
    doc: "What chrony writes to /var/log/chrony.",
  }),
});
