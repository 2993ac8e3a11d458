/** `apiclient`: the command line of the host's API, on the host and from elsewhere. */
import { runProgram } from "../../lib/command/command-line.ts";
import { program } from "../../lib/command/command.ts";
import { apply, planApply, tryApply } from "./apiclient/change/apply.ts";
import { hostSocket } from "../../api/host-socket.ts";
import { contextNames } from "./apiclient/address.ts";
import { clientContext } from "./apiclient/context.ts";
import { deleteSettings, planDelete, tryDelete } from "./apiclient/change/delete.ts";
import { exec } from "./apiclient/exec.ts";
import {
  ephemeralBind,
  ephemeralDirectories,
  ephemeralDisks,
  ephemeralInit,
} from "./apiclient/machine/ephemeral-storage.ts";
import { get } from "./apiclient/get.ts";
import { history, restore, undo } from "./apiclient/change/history.ts";
import { lockdown } from "./apiclient/lockdown.ts";
import { recoveryKey } from "./apiclient/machine/recovery-key.ts";
import { logs } from "./apiclient/logs.ts";
import { raw } from "./apiclient/raw.ts";
import { reboot } from "./apiclient/machine/reboot.ts";
import { reportCis, reportCisKubernetes, reportFips } from "./apiclient/report.ts";
import { planSet, set, trySet } from "./apiclient/change/set.ts";
import { status } from "./apiclient/status.ts";
import { confirm, revert } from "./apiclient/change/try.ts";
import { updateApply, updateCancel, updateCheck, updateExplain, updateRelease } from "./apiclient/update/update.ts";
import { updateWait } from "./apiclient/update/update-wait.ts";
import { verify } from "./apiclient/verify.ts";
import { wait } from "./apiclient/wait/wait.ts";
import { version } from "../../package.json";

export const apiclient = program({
  name: "apiclient",
  summary: "Look at a host, change its settings, update and reboot it",
  version,
  description: `Talks to the API of the host it runs on, or over mutual TLS to another one (--host, --context).
Results go to standard output, everything else to standard error. Exit code 0: done, 1: failed, 2: wrong usage.`,
  options: {
    "socket-path": {
      type: "text",
      value: "PATH",
      help: `Socket of the API, ${hostSocket} unless given`,
      short: "s",
      complete: "files",
    },
    host: {
      type: "text",
      value: "URL",
      help: "Another host: https://NAME[:PORT], or NAME; the port is 8443 unless given",
    },
    cert: { type: "text", value: "FILE", help: "Client certificate for --host (PEM)", complete: "files" },
    key: { type: "text", value: "FILE", help: "Its private key (PEM)", complete: "files" },
    ca: { type: "text", value: "FILE", help: "Certificate that --host must be known by (PEM)", complete: "files" },
    fingerprint: { type: "text", value: "HEX", help: "Instead of --ca: the fingerprint that the host's console shows" },
    context: {
      type: "text",
      value: "NAME",
      help: "Another host whose URL and certificates are kept under this name",
      complete: async () => (await contextNames()).map((value) => ({ value })),
    },
    verbose: { type: "boolean", help: "Show the HTTP status of `raw` and `get`", short: "v" },
    "log-level": {
      type: "text",
      value: "LEVEL",
      help: "Accepted for old scripts; debug and trace mean --verbose",
      choices: ["off", "error", "warn", "info", "debug", "trace"],
    },
  },
  groups: {
    "ephemeral-storage": "Use disks whose content is lost when the machine is switched off",
    plan: "Say what a change would do, before anything changes",
    report: "Say how the host stands to a benchmark",
    try: "Change settings that go back by themselves unless confirmed",
    update: "Look for updates, apply one, wait for it, take it back, and say what holds one",
  },
  unnamed: { command: "raw", options: ["-u", "--uri"] },
  commands: [
    get,
    set,
    deleteSettings,
    apply,
    planSet,
    planDelete,
    planApply,
    trySet,
    tryDelete,
    tryApply,
    confirm,
    revert,
    exec,
    logs,
    history,
    undo,
    restore,
    status,
    reboot,
    lockdown,
    recoveryKey,
    verify,
    ephemeralInit,
    ephemeralBind,
    ephemeralDisks,
    ephemeralDirectories,
    reportCis,
    reportCisKubernetes,
    reportFips,
    updateCheck,
    updateApply,
    updateCancel,
    updateExplain,
    updateRelease,
    updateWait,
    wait,
    raw,
  ],
  context: (invocation, options) =>
    clientContext(
      invocation,
      options,
      options.verbose || options["log-level"] === "debug" || options["log-level"] === "trace",
    ),
});

export async function main(words: readonly string[]): Promise<never> {
  return await runProgram(apiclient, words);
}
