import { expect, test } from "bun:test";
import { testSystem } from "../../../test/worlds/host/system.ts";
import { bootLoaderTwice } from "./boot-again.ts";

const global = "8be4df61-93ca-11d2-aa0d-00e098032b8c";

test("the option that started this boot comes before the usual order, for one time", async () => {
  await using host = await testSystem();
  await host.write(`/sys/firmware/efi/efivars/BootCurrent-${global}`, "\x06\0\0\0\x03\0", "latin1");
  await bootLoaderTwice(host.system);
  expect(await host.read(`/sys/firmware/efi/efivars/BootNext-${global}`, "latin1")).toBe("\x07\0\0\0\x03\0");
});

test("firmware that does not say what it started is left alone", async () => {
  await using host = await testSystem();
  await bootLoaderTwice(host.system);
  expect(await host.readIfPresent(`/sys/firmware/efi/efivars/BootNext-${global}`)).toBeUndefined();
});
