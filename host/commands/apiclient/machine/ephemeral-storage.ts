/** `apiclient ephemeral-storage`: the disks of a machine that lose their content when it is switched off. */
import { defined } from "../../../../lib/defined.ts";
import type { ValuesOf } from "../../../../lib/command/command.ts";
import { filesystems } from "../../../../api/ephemeral-storage.ts";
import type { Client } from "../../../../api/client/client.ts";
import { apiCommand, type ClientContext } from "../context.ts";
import { formatOption, type FormatOption } from "../format-option.ts";

export const ephemeralInit = apiCommand({
  name: "ephemeral-storage init",
  summary: "Make a file system on ephemeral disks, several of them as one, and mount it at /mnt/.ephemeral",
  description: "A machine without ephemeral disks is no failure. What holds something is not formatted.",
  examples: [
    { run: "apiclient ephemeral-storage init", description: "XFS on all of them" },
    {
      run: "apiclient ephemeral-storage init -t ext4 --disks /dev/disk/ephemeral/nvme-AWS1",
      description: "ext4 on one",
    },
  ],
  options: {
    filesystem: { type: "text", value: "TYPE", help: "xfs unless given", short: "t", choices: filesystems },
    disks: { type: "text", value: "DISK", help: "As list-disks tells; all of them unless given", many: true },
  },
  // Bottlerocket's option takes several words at once.
  arguments: { more: { value: "DISK", help: "Further disks", many: true, optional: true } },
  async run({ api, signal, invocation }, { filesystem, disks, more }) {
    const named = [...disks, ...more];
    const body = {
      ...defined({ filesystem }),
      ...(named.length === 0 ? {} : { disks: named }),
    };
    const host = await api();
    await host.call("initEphemeralStorage", { body, signal });
    await warnWithoutDisks(host, { invocation, signal });
  },
});

export const ephemeralBind = apiCommand({
  name: "ephemeral-storage bind",
  summary: "Bind directories of the host to ephemeral storage",
  description:
    "All that the variant has for it, unless some are named. Those that only other variants have are left out with a warning.",
  examples: [
    { run: "apiclient ephemeral-storage bind", description: "all of them" },
    {
      run: "apiclient ephemeral-storage bind --dirs /var/lib/containerd /mnt/scratch",
      description: "images, and a place",
    },
  ],
  options: {
    dirs: {
      type: "text",
      value: "DIRECTORY",
      help: "As list-dirs tells, or one below /mnt; all that list-dirs tells unless given",
      many: true,
    },
  },
  arguments: { more: { value: "DIRECTORY", help: "Further directories", many: true, optional: true } },
  async run({ api, signal, invocation }, { dirs, more }) {
    const host = await api();
    const named = [...dirs, ...more];
    await host.call("bindEphemeralStorage", { body: named.length === 0 ? {} : { targets: named }, signal });
    const allowed = await host.call("listEphemeralTargets", { signal });
    const leftOut = named.filter((directory) => !allowed.includes(directory) && !directory.startsWith("/mnt/"));
    for (const directory of leftOut) {
      invocation.note(`warning: this variant has no ${directory}: it is not bound`);
    }
    await warnWithoutDisks(host, { invocation, signal });
  },
});

/** A machine without them is no failure, and whoever expected some shall see why nothing happened. */
async function warnWithoutDisks(
  host: Client,
  { invocation, signal }: Pick<ClientContext, "invocation" | "signal">,
): Promise<void> {
  const disks = await host.call("listEphemeralDisks", { signal });
  if (disks.length === 0) invocation.note("warning: this host has no ephemeral disks: nothing is done");
}

const listFormat = formatOption("the list");

function listText(paths: readonly string[], { format }: ValuesOf<FormatOption, unknown>): string {
  return format === "json" ? JSON.stringify(paths) : paths.join("\n");
}

export const ephemeralDisks = apiCommand({
  name: "ephemeral-storage list-disks",
  summary: "Print the ephemeral disks of the host",
  examples: [{ run: "apiclient ephemeral-storage list-disks", description: "a path a line" }],
  options: listFormat,
  run: async ({ api, signal }) => await (await api()).call("listEphemeralDisks", { signal }),
  print: listText,
});

export const ephemeralDirectories = apiCommand({
  name: "ephemeral-storage list-dirs",
  summary: "Print the directories that may be bound, beside those below /mnt",
  examples: [{ run: "apiclient ephemeral-storage list-dirs", description: "a path a line" }],
  options: listFormat,
  run: async ({ api, signal }) => await (await api()).call("listEphemeralTargets", { signal }),
  print: listText,
});
