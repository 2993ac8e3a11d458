import { expect, test } from "bun:test";
import { testSystem } from "../../test/worlds/host/system.ts";
import { networkConfig, readNetworkSource } from "./source.ts";

test("a file wins over the kernel command line, netdog's own over ours", async () => {
  await using host = await testSystem();
  expect(await readNetworkSource(host.system)).toBeUndefined();
  await host.write("/proc/cmdline", "quiet netdog.default-interface=eth0:dhcp4,dhcp6? root=/dev/x\n");
  expect(await readNetworkSource(host.system)).toEqual({ from: "netdog.default-interface", text: "eth0:dhcp4,dhcp6?" });
  await host.write("/var/lib/orlop/net.toml", "version = 1");
  expect((await readNetworkSource(host.system))?.from).toBe("/var/lib/orlop/net.toml");
  await host.write("/var/lib/netdog/net.toml", "version = 1");
  expect((await readNetworkSource(host.system))?.from).toBe("/var/lib/netdog/net.toml");
});

test("the kernel parameter names an interface and its protocols", () => {
  const [link] = networkConfig({ from: "netdog.default-interface", text: "eth0:dhcp4,dhcp6?" });
  expect(link?.key).toEqual({ name: "eth0" });
  expect(link?.addressing.dhcp4?.optional).toBe(false);
  expect(link?.addressing.dhcp6?.optional).toBe(true);
});

for (const text of ["", "eth0", "eth0:", "eth0:static", "eth0:dhcp4:x", "e/0:dhcp4", "eth0:dhcp4,"]) {
  test(`the kernel parameter cannot be ${JSON.stringify(text)}`, () => {
    expect(() => networkConfig({ from: "netdog.default-interface", text })).toThrow("expected an interface, a colon");
  });
}

test("a file with problems is refused with a line for each", () => {
  const text = "version = 1\n[eno1]\ndhcp4 = 1\n[eno2]\n";
  expect(() => networkConfig({ from: "/var/lib/orlop/net.toml", text })).toThrow(
    /from \/var\/lib\/orlop\/net.toml: line 3, column 1: eno1.dhcp4 must be.*\nline 4, column 2: eno2 must enable/,
  );
});
