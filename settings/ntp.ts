/** `settings.ntp` */
import { z } from "zod";
import { host } from "./network-names.ts";
import { setting, table } from "./setting.ts";
import { pattern } from "./text.ts";
import { listOf, oneOf, tableOf, typeOf } from "./type.ts";

/** Anything that could start another line or a comment is out. */
const option = pattern(
  "an option of chrony.conf such as iburst or minpoll 4",
  /^[A-Za-z0-9.:/_-]+(?: [A-Za-z0-9.:/_-]+)*$/,
);

const server = typeOf("a table with address, and perhaps directive (server or pool) and options", (refusal) =>
  tableOf(
    {
      address: host.schema(),
      directive: oneOf("server", "pool").schema().default("server"),
      options: listOf(option).schema().default([]),
    },
    refusal,
  ),
);

const servers = typeOf(
  "a list of host names and IP addresses, or a list of tables with address, directive and options",
  (refusal) => z.union([listOf(host).schema(), listOf(server).schema()], refusal),
);

export const ntp = table("Time.", {
  "time-servers": setting({
    type: servers,
    doc: "Where the time comes from. Names and addresses are used as pools with settings.ntp.options, tables as they say.",
    default: ["2.debian.pool.ntp.org"],
    example: [{ address: "time.example.com", directive: "server", options: ["iburst", "minpoll 4"] }],
  }),
  options: setting({
    type: listOf(option),
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
