/** The one executable in the images of host containers: the name it is called by says which program it is. */
import { basename } from "node:path";
import { containerNames, type ContainerName } from "./names.ts";

type Run = (words: readonly string[]) => Promise<unknown>;

const apiclient: Run = async (words) => await (await import("../../host/commands/apiclient.ts")).main(words);

const programs: Record<ContainerName, Run> = {
  apiclient,
  "admin-setup": async () => await (await import("./admin-setup.ts")).main(),
  "control-setup": async () => await (await import("./control-setup.ts")).main(),
  sheltie: async (words) => await (await import("./sheltie.ts")).main(words),
  "enable-admin-container": async () => await apiclient(["set", "settings.host-containers.admin.enabled=true"]),
  "disable-admin-container": async () => await apiclient(["set", "settings.host-containers.admin.enabled=false"]),
  "enter-admin-container": async () => await apiclient(["exec", "--tty", "admin", "bash", "--login"]),
};

const called = basename(process.argv0);
const names: readonly ContainerName[] = [...containerNames.admin, ...containerNames.control];
const name = names.find((known) => known === called);
if (name === undefined) {
  process.stderr.write(`${called}: it is called by one of the names ${[...new Set(names)].join(", ")}\n`);
  process.exit(2);
}
await programs[name](process.argv.slice(2));
