import { expect, test } from "bun:test";
import { qemuArguments, type Hardware } from "./qemu.ts";

const plain: Hardware = {
  name: "one",
  accelerator: "tcg",
  cpus: 2,
  memoryMiB: 1024,
  boot: { kind: "firmware", code: "/fw/code.fd", variables: "variables.fd" },
  disks: [{ path: "disk.qcow2", format: "qcow2", serial: "system" }],
  forwards: [{ hostPort: 0, guestPort: 8443 }],
  extraCards: 0,
  shell: false,
};

/** The values behind every occurrence of an option. */
function values(argv: readonly string[], option: string): string[] {
  return argv.flatMap((word, index) => (word === option ? [argv[index + 1] ?? ""] : []));
}

test("a machine has exactly what its description names", () => {
  const argv = qemuArguments(plain, ["/share/qemu"]);
  expect(values(argv, "-L")).toEqual(["/share/qemu"]);
  expect(values(argv, "-accel")).toEqual(["tcg,thread=multi"]);
  expect(values(argv, "-cpu")).toEqual(["max,-erms,-fsrm,-avx,vendor=GenuineIntel,family=6,model=28,stepping=10"]);
  expect(values(argv, "-smp")).toEqual(["2"]);
  expect(values(argv, "-m")).toEqual(["1024"]);
  expect(values(argv, "-drive").map((drive) => drive.split("file=")[1])).toEqual([
    "/fw/code.fd",
    "variables.fd",
    "disk.qcow2",
  ]);
  expect(values(argv, "-device")).toEqual([
    "virtio-blk-pci,drive=disk0,serial=system,bootindex=1",
    "virtio-net-pci,netdev=net0,mac=52:54:00:12:34:56",
    "virtio-rng-pci",
    "i6300esb",
  ]);
  expect(argv).toContain("-nodefaults");
  expect(argv).not.toContain("-fw_cfg");
});

test("a machine of aarch64 is QEMU's board of that name, whose firmware has no mode of its own to guard", () => {
  const secure = { kind: "firmware", code: "/fw/code.fd", variables: "variables.fd", secure: true } as const;
  const argv = qemuArguments({ ...plain, architecture: "aarch64", boot: secure }, []);
  expect(values(argv, "-machine")).toEqual(["virt"]);
  expect(values(argv, "-cpu")).toEqual(["max,pauth-impdef=on"]);
  expect(argv).not.toContain("-global");
  expect(values(qemuArguments({ ...plain, boot: secure }, []), "-machine")).toEqual(["q35,smm=on"]);
});

test("the firmware's code is read-only and its variables are not", () => {
  const [code, variables] = values(qemuArguments(plain, []), "-drive");
  expect(code).toContain("readonly=on");
  expect(variables).not.toContain("readonly");
});

test("a kernel boots without firmware", () => {
  const boot = { kind: "kernel", kernel: "/k", initrd: "/i", commandLine: "console=ttyS0 quiet" } as const;
  const argv = qemuArguments({ ...plain, boot, disks: [] }, []);
  expect(values(argv, "-kernel")).toEqual(["/k"]);
  expect(values(argv, "-initrd")).toEqual(["/i"]);
  expect(values(argv, "-append")).toEqual(["console=ttyS0 quiet"]);
  expect(values(argv, "-drive")).toEqual([]);
});

test("a machine may say that somebody else made it, and what its board says", () => {
  const argv = qemuArguments({ ...plain, vendor: "VMware, Inc.", oemStrings: ["a=b,c"] }, []);
  expect(values(argv, "-smbios")).toEqual(["type=1,manufacturer=VMware,, Inc.", "type=11,value=a=b,,c"]);
});

test("commas in paths do not end an option", () => {
  const argv = qemuArguments({ ...plain, userData: "/a,b/user-data.toml" }, []);
  expect(values(argv, "-fw_cfg")).toEqual(["name=opt/org.orlop.user-data,file=/a,,b/user-data.toml"]);
});

test("the metadata service is reached inside its own network, by one command for each connection", () => {
  const argv = qemuArguments({ ...plain, metadataService: ["/bin/relay", "it's", "a,b"] }, []);
  expect(values(argv, "-netdev")).toEqual([
    "user,id=net0,hostfwd=tcp:127.0.0.1:0-:8443,net=169.254.169.0/24," +
      `guestfwd=tcp:169.254.169.254:80-cmd:'/bin/relay' 'it'\\''s' 'a,,b'`,
  ]);
});

test("extra cards have networks and addresses of their own", () => {
  const argv = qemuArguments({ ...plain, extraCards: 2 }, []);
  expect(values(argv, "-netdev").slice(1)).toEqual(["hubport,id=net1,hubid=1", "hubport,id=net2,hubid=2"]);
  const addresses = values(argv, "-device").flatMap((device) => /mac=(.*)/.exec(device)?.[1] ?? []);
  expect(new Set(addresses).size).toBe(3);
});

test("a card on a shared network comes last and has the address that it is given", () => {
  const shared = { port: 4321, macAddress: "52:54:00:00:00:01" };
  const argv = qemuArguments({ ...plain, sharedNetwork: shared }, []);
  expect(values(argv, "-netdev").at(-1)).toBe("socket,id=shared,mcast=230.0.0.1:4321,localaddr=127.0.0.1");
  expect(values(argv, "-device").findLast((device) => device.startsWith("virtio-net-pci"))).toBe(
    "virtio-net-pci,netdev=shared,mac=52:54:00:00:00:01",
  );
});

test("two disks keep their order and names", () => {
  const second = { path: "data.qcow2", format: "qcow2", serial: "data", bus: "nvme" } as const;
  const devices = values(qemuArguments({ ...plain, disks: [...plain.disks, second] }, []), "-device");
  expect(devices.slice(0, 2)).toEqual([
    "virtio-blk-pci,drive=disk0,serial=system,bootindex=1",
    "nvme,drive=disk1,serial=data,bootindex=2",
  ]);
});

test("the guest's clock can start at another time", () => {
  expect(values(qemuArguments({ ...plain, clockStartsAt: 86_400 }, []), "-rtc")).toEqual([
    "base=1970-01-02T00:00:00,clock=vm",
  ]);
});

test("a machine may start from its CD-ROM, a stick or the network before its disks", () => {
  const devices = (hardware: Partial<Hardware>): string[] =>
    values(qemuArguments({ ...plain, ...hardware }, []), "-device");
  const first = (hardware: Partial<Hardware>): string[] =>
    devices(hardware).filter((device) => device.endsWith(",bootindex=0"));
  expect(first({ cdRom: "/a.iso" })).toEqual([]);
  expect(first({ cdRom: "/a.iso", startsFrom: "cd-rom" })).toEqual(["ide-cd,drive=cdrom,bus=ide.0,bootindex=0"]);
  const sticks = ["/installer.iso", "/user,data.img"];
  expect(first({ sticks })).toEqual([]);
  expect(first({ sticks, startsFrom: "stick" })).toEqual([expect.stringMatching(/^usb-storage,drive=stick0,/)]);
  expect(values(qemuArguments({ ...plain, sticks }, []), "-drive")).toContain(
    "if=none,id=stick1,readonly=on,format=raw,file=/user,,data.img",
  );
  const networkBoot = { directory: "/srv/a,b", file: "installer.efi" };
  expect(first({ networkBoot, startsFrom: "network" })).toEqual([
    expect.stringMatching(/^virtio-net-pci,netdev=net0,/),
  ]);
  const [network] = values(qemuArguments({ ...plain, networkBoot }, []), "-netdev");
  expect(network).toEndWith("tftp=/srv/a,,b,bootfile=installer.efi");
});
