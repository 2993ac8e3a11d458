import { expect, test } from "bun:test";
import type { InstallOrder } from "./order.ts";
import { addressFor } from "./user-data-place.ts";
import { withWords } from "./words.ts";

const order: InstallOrder = {
  format: 1,
  image: { name: "orlop", variant: "metal-dev", version: "1.0.0", bytes: 4096, sha256: "0".repeat(64) },
  source: { kind: "medium", volume: "ORLOP", file: "orlop.img.zst" },
  disk: "only",
  userData: { kind: "none" },
  countdownSeconds: 30,
  replace: false,
  afterwards: "reboot",
};

test("words of the kernel change an order, and what is no word of ours changes nothing", () => {
  expect(withWords(order, "console=ttyS0 quiet panic=60\n")).toEqual(order);
  const words = [
    "orlop.disk=serial=S3*",
    "orlop.user-data=LABEL=ORLOP-DATA",
    "orlop.image=http://10.0.2.2/orlop.img.zst",
    "orlop.countdown=0",
    "orlop.replace=yes",
    "orlop.afterwards=power-off",
  ];
  expect(withWords(order, words.join(" "))).toEqual({
    ...order,
    disk: "serial=S3*",
    userData: { kind: "label", label: "ORLOP-DATA" },
    source: { kind: "network", url: "http://10.0.2.2/orlop.img.zst" },
    countdownSeconds: 0,
    replace: true,
    afterwards: "power-off",
  });
});

test("a word that cannot be followed stops everything", () => {
  for (const [word, expected] of [
    ["orlop.disc=/dev/sda", "one of orlop.disk, "],
    ["orlop.replace", "orlop.replace=yes is expected"],
    ["orlop.countdown=soon", "a number of seconds"],
    ["orlop.afterwards=sleep", "reboot or power-off"],
    ["orlop.image=/orlop.img.zst", "an address that begins with http:// or https://"],
  ] as const) {
    expect(() => withWords(order, `quiet ${word}`)).toThrow(`cannot follow the kernel's word ${word}: `);
    expect(() => withWords(order, word)).toThrow(expected);
  }
  expect(() => withWords(order, "orlop.disk=the-first")).toThrow('cannot choose a disk by "the-first"');
  expect(() => withWords(order, "orlop.user-data=stick")).toThrow('cannot take user data from "stick"');
});

test("an address has what a machine is known by, and whatever that is, it stays a part of a path", () => {
  const names = { mac: "52:54:00:12:34:56", uuid: "0c1b", serial: "A/../B" };
  expect(decodeURIComponent(addressFor("https://example.com/{mac}.toml", names))).toBe(
    "https://example.com/52:54:00:12:34:56.toml",
  );
  expect(addressFor("https://example.com/{uuid}/{serial}?a={other}", names)).toBe(
    "https://example.com/0c1b/A%2F..%2FB?a={other}",
  );
});
