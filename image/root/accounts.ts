/**
 * Users and groups: systemd-sysusers makes them from the declarations of packages and of `os/sysusers`.
 *
 * Their numbers are written into files on the data partition, which live longer than the image, so every one must be
 * fixed: by Debian's static list or by ours.
 */
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";

/** Makes `etc/passwd` and `etc/group` of the root. */
export async function makeAccounts(tools: ToolsRoot, root: string, epochSeconds: number): Promise<void> {
  const directory = join(root, "usr/lib/sysusers.d");
  const declarations = await Promise.all(
    (await readdir(directory)).toSorted().map((name) => readFile(join(directory, name), "utf8")),
  );
  await runTool(tools, ["systemd-sysusers", `--root=${root}`], {
    binds: [root],
    // Goes into the date of the last change of a password.
    env: { SOURCE_DATE_EPOCH: String(epochSeconds) },
  });
  const drifting = [
    ...driftingNames(await readFile(join(root, "etc/passwd"), "utf8"), declarations.join("\n"), "u"),
    ...driftingNames(await readFile(join(root, "etc/group"), "utf8"), declarations.join("\n"), "g"),
  ];
  if (drifting.length > 0) {
    throw new Failure("account-without-number", `cannot give ${drifting.join(", ")} a number that lasts`, {
      hint: "add a line with a fixed number to os/sysusers/00-orlop.conf",
    });
  }
  // Nobody has a password, so there are none to hide.
  for (const name of ["shadow", "gshadow", "passwd-", "group-", ".pwd.lock"]) {
    await rm(join(root, "etc", name), { force: true });
  }
}

/** Names in a passwd or group file that no declaration gives a fixed number. */
export function driftingNames(database: string, declarations: string, kind: "u" | "g"): string[] {
  const fixed = new Set<string>();
  for (const line of declarations.split("\n")) {
    const [type = "", name = "", number = ""] = line.trim().split(/\s+/);
    if (!/^\d+(?::\S+)?$/.test(number)) continue;
    // A user brings a group of the same name and number, unless it names another one.
    if (type.startsWith(kind) || (kind === "g" && type.startsWith("u"))) fixed.add(name);
  }
  return database
    .split("\n")
    .map((line) => line.split(":")[0] ?? "")
    .filter((name) => name !== "" && !fixed.has(name));
}
