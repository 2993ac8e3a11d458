/** `settings.ntp` */
import { z } from "zod";
import { host } from "./network-names.ts";
import { setting, table } from "./setting.ts";
import { pattern } from "./text.ts";
import { described, listOf, mustBe, oneOf } from "./type.ts";

/** A word or number of chrony.conf; anything that could start another line or comment is out. */
const option = pattern("a word of chrony.conf such as iburst or minpoll", /^[A-Za-z0-9.:/_-]{1,64}$/);

const described_ = described(
  z.strictObject(
    {
      address: host,
      directive: oneOf("server", "pool").exactOptional(),
      options: listOf(option).exactOptional(),
    },
    mustBe("a table with address, directive and options"),
  ),
  "a table with address, directive and options",
);

export const ntp = table("Time.", {
  "time-servers": setting({
    type: listOf(
      described(
        z.union(
          [host, described_],
          mustBe("a host name, an IP address, or a table with address, directive and options"),
        ),
        "a host name, an IP address, or a table with address, directive (server or pool) and options",
      ),
    ),
    doc: "Where the time comes from. A plain name or address is used as a pool with settings.ntp.options.",
    default: ["2.debian.pool.ntp.org"],
    example: ["169.254.169.123", { address: "time.example.com", directive: "server", options: ["iburst"] }],
  }),
  options: setting({
    type: listOf(option),
    doc: "Options for every time server that does not bring its own, in the words of chrony.conf.",
    default: ["iburst"],
  }),
});
