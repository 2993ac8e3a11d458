/** What a host says about itself on its console once it has booted: the only place to look when the API is out of reach. */
import { writeFile } from "node:fs/promises";
import { systemErrorCode } from "../../lib/failure.ts";
import { onOneLine } from "../../lib/text/printable.ts";
import { describeProblem } from "../../settings/model/problem.ts";
import type { BootStatus } from "./boot.ts";
import type { Facts } from "../machine/facts.ts";
import { hostPath, type Interfaces, type System } from "../machine/system.ts";

const consolePath = "/dev/console";

export type Booted = {
  facts: Facts;
  hostname: string | undefined;
  interfaces: Interfaces;
  /** Of the remote API's certificate; undefined while it is off. */
  fingerprint: string | undefined;
  boot: BootStatus;
};

/** Problems that a console has room for; the rest is in `apiclient status`. */
const mostProblems = 10;

export function consoleReport({ facts, hostname, interfaces, fingerprint, boot }: Booted): string {
  const addresses = Object.values(interfaces).flatMap((link) =>
    (link ?? []).flatMap(({ internal, address }) => (internal || address.startsWith("fe80:") ? [] : [address])),
  );
  const { problems } = boot.userData;
  const failures = boot.steps.flatMap(({ step, state, failure }) =>
    // The problems of user data stand below, a line each.
    state === "failed" && failure?.code !== "bad-user-data" ? [`cannot ${step}: ${failure?.message ?? "unknown"}`] : [],
  );
  return [
    `${facts.prettyName}, variant ${facts.variant.name}, build ${facts.buildId}`,
    `host ${hostname ?? "without a name"}, ${addresses.length === 0 ? "no address" : addresses.join(" ")}`,
    ...(fingerprint === undefined ? [] : [`remote API: certificate SHA-256 ${fingerprint}`]),
    ...problems.slice(0, mostProblems).map((problem) => `user data: ${describeProblem(problem)}`),
    ...(problems.length > mostProblems ? [`user data: ${problems.length - mostProblems} more problems`] : []),
    ...failures,
  ]
    .map(onOneLine)
    .join("\n");
}

/** A machine without a console is no reason to fail, and neither is one whose links the kernel does not tell. */
export async function showOnConsole(system: System, text: () => string): Promise<void> {
  try {
    await writeFile(hostPath(system, consolePath), `${text()}\n`, { flag: "r+" });
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
  }
}
