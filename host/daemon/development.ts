/**
 * A directory that stands for a host, so that the daemon runs on a developer's machine without touching it.
 *
 * Files are real, below the directory. There is no service manager and no kernel to configure: programs are not run but
 * told, and the parts of the machine that are not there (such as /proc/sys) show up as failing in GET /status.
 */
import { readTextIfPresent, writeFileAtomic } from "../../lib/files/files.ts";
import { hostPath, linuxSystem, type System } from "../machine/system.ts";
import { withoutTpm } from "../machine/tpm.ts";

/** What an image or its kernel brings along. */
const imageFiles = (version: string): [path: string, text: string][] => [
  [
    "/usr/lib/os-release",
    `ID=orlop\nPRETTY_NAME="Orlop ${version} (development)"\nVARIANT_ID=dev\nVERSION_ID=${version}\nBUILD_ID=development\n`,
  ],
  ["/proc/sys/kernel/hostname", "development\n"],
];

/** Makes what is missing of what a host always has. */
export async function developmentSystem(root: string, version: string): Promise<System> {
  const system: System = {
    ...linuxSystem(root),
    // That of this computer measures what this computer runs.
    tpm: withoutTpm,
    run: async (argv) => (await system.ask(argv)).stdout,
    async ask(argv) {
      system.log.info(`development: would run ${argv.join(" ")}`);
      return { stdout: "", stderr: "", exitCode: 0 };
    },
  };
  for (const [path, text] of imageFiles(version)) {
    const there = await readTextIfPresent(hostPath(system, path));
    if (there === undefined) await writeFileAtomic(hostPath(system, path), text);
  }
  return system;
}
