/** Bytes that change, and files that go, behind the back of the datastore. */
import type { Random } from "../random.ts";
import type { Damage } from "./datastore-events.ts";
import type { SimulatedDisk } from "../media/disk.ts";

/** Damages one file; returns whether that took with it the knowledge of how many bytes there were. */
export function damage(disk: SimulatedDisk, random: Random, how: Damage): boolean {
  const files = [...disk.contents()].filter(([, bytes]) => bytes.length > 0);
  if (files.length === 0) return false;
  const [name, bytes] = random.pick(files);
  const at = random.integer(0, bytes.length - 1);
  const length = Math.min(bytes.length - at, random.integer(1, 700));
  switch (how) {
    case "flip-bits":
      for (let flips = random.integer(1, 3); flips > 0; flips--) {
        const where = random.integer(0, bytes.length - 1);
        disk.medium(name)?.damage(where, Uint8Array.of((bytes[where] ?? 0) ^ (1 << random.integer(0, 7))));
      }
      return false;
    case "overwrite":
      disk.medium(name)?.damage(at, random.bytes(length));
      return false;
    case "zero":
      disk.medium(name)?.damage(at, new Uint8Array(length));
      return false;
    case "shorten":
      disk.medium(name)?.shorten(at);
      return true;
    case "remove":
      disk.lose(name);
      return true;
    case "bad-sector":
      disk.makeUnreadable(name);
      return true;
  }
}
