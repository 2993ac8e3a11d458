import { expect, test } from "bun:test";
import { bootVariables, loadOption } from "./boot-entry.ts";
import type { TableEntry } from "../lib/partition-table.ts";

const esp: TableEntry = {
  label: "ORLOP-ESP",
  id: Buffer.from("00112233445566778899aabbccddeeff", "hex"),
  first: 2048,
  sectors: 393216,
};
const loader = "\\EFI\\BOOT\\BOOTX64.EFI";

test("an entry is what firmware expects of one", () => {
  const option = loadOption(esp, loader);
  expect(option.readUInt32LE(0)).toBe(1);
  const title = Buffer.from("Orlop\0", "utf16le");
  expect(option.subarray(6, 6 + title.length).equals(title)).toBe(true);
  const path = option.subarray(6 + title.length);
  expect(option.readUInt16LE(4)).toBe(path.length);
  // The partition, by number, place and id of a GPT; the file; the end.
  expect(path.subarray(0, 42).toString("hex")).toBe(
    `04012a0001000000${"0008000000000000"}${"0000060000000000"}00112233445566778899aabbccddeeff0202`,
  );
  expect(path.subarray(42, 44).toString("hex")).toBe("0404");
  expect(path.toString("utf16le", 46, 46 + 2 * loader.length)).toBe(loader);
  expect(path.subarray(-4).toString("hex")).toBe("7fff0400");
});

test("the entry is first and next, replaces an earlier one of ours, and leaves those of others", () => {
  const foreign = Buffer.concat([Buffer.alloc(6), Buffer.from("UEFI Shell\0", "utf16le")]);
  const order = (...numbers: number[]): Buffer => Buffer.from(Uint16Array.from(numbers).buffer);
  const first = bootVariables(
    new Map([
      ["Boot0000", foreign],
      ["BootOrder", order(0)],
    ]),
    esp,
    loader,
  );
  expect([...first.keys()]).toEqual(["Boot0001", "BootOrder", "BootNext"]);
  expect(first.get("BootOrder")).toEqual(order(1, 0));
  expect(first.get("BootNext")).toEqual(order(1));
  const again = bootVariables(new Map([["Boot0000", foreign], ...first]), esp, loader);
  expect(again).toEqual(first);
  expect([...bootVariables(new Map(), esp, loader).keys()][0]).toBe("Boot0000");
});
