/** What the new host is to read at its first boot: found before anything is erased, and put on its private partition. */
import { chmod, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { machineClock } from "../lib/clock.ts";
import { Failure } from "../lib/failure.ts";
import { run } from "../lib/program/process.ts";
import type { Say } from "./consoles.ts";
import { entryOf } from "../lib/partition-table.ts";
import { shownPlace } from "../lib/files/http-redirects.ts";
import { downloadedText } from "./download.ts";
import { fileSystemLabelled, machineNames, mounted } from "./machine.ts";
import type { UserDataPlace } from "./order.ts";
import { addressFor } from "./user-data-place.ts";

const fileName = "user-data.toml";
const mostBytes = 1024 * 1024;
const device = "orlop-private";

/**
 * @param card by which the network is reached, where the place is on it
 * @returns undefined when the host is to have none
 * @throws {Failure<"no-download" | "no-such-label" | "bad-user-data">}
 */
export async function findUserData(
  place: UserDataPlace,
  card: string | undefined,
  say: Say,
): Promise<string | undefined> {
  const text = await textAt(place, card, say);
  if (text?.trim() === "") throw new Failure("bad-user-data", "cannot use the user data: it is empty");
  return text;
}

async function textAt(place: UserDataPlace, card: string | undefined, say: Say): Promise<string | undefined> {
  switch (place.kind) {
    case "none":
      return undefined;
    case "text":
      return place.text;
    case "url": {
      const url = addressFor(place.url, await machineNames(card ?? "lo"));
      say(`fetching user data from ${shownPlace(new URL(url))}`);
      return await downloadedText(url, mostBytes, { clock: machineClock, retries: say });
    }
    case "label": {
      const { device: stick, type } = await fileSystemLabelled(place.label);
      say(`reading ${fileName} from ${stick}`);
      await using mount = await mounted(stick, type);
      return await readFile(join(mount.directory, fileName), "utf8");
    }
  }
}

/**
 * Writes user data into a disk that nothing starts from yet. The kernel knows no partitions of it, so a device is made for the
 * one by the table that is still to be written.
 */
export async function placeUserData(disk: string, head: Buffer, text: string): Promise<void> {
  const { first, sectors } = entryOf(head, "ORLOP-PRIVATE");
  const table = `0 ${sectors} linear ${disk} ${first}`;
  await run(["dmsetup", "create", device, "--noudevsync", "--noudevrules", "--verifyudev", "--table", table]);
  try {
    await using mount = await mounted(`/dev/mapper/${device}`, "ext4", "rw");
    const path = join(mount.directory, fileName);
    await writeFile(path, text, { mode: 0o600 });
    await chmod(path, 0o600);
    await using file = await open(path, "r");
    await file.sync();
  } finally {
    await run(["dmsetup", "remove", "--noudevsync", device]);
  }
}
