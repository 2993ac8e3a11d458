import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { resolveInRoot } from "./tree.ts";
import { pruneUnits, refuseCredentials, unitNames } from "./units.ts";

const units = "usr/lib/systemd/system";
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "orlop-units-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

test("units without their program go, with the units and links that lead to them", async () => {
  await write("usr/bin/present", "");
  await write(`${units}/present.service`, "[Service]\nExecStart=-/usr/bin/present --now\n");
  await write(`${units}/named.service`, "[Service]\nExecStart=!!present\n");
  await write(`${units}/absent.service`, "[Service]\nExecStartPre=/usr/bin/present\nExecStart=/usr/bin/absent\n");
  await write(`${units}/absent.socket`, "[Socket]\nListenStream=/run/absent\n");
  await write(`${units}/other.timer`, "[Timer]\nUnit=absent.service\n");
  await write(`${units}/each@.service`, "[Service]\nExecStart=/usr/bin/present %i\n");
  await write(`${units}/each.socket`, "[Socket]\nAccept=yes\n");
  await write(`${units}/sleep.target`, "[Unit]\n");
  await write("usr/lib/systemd/system-generators/some-generator", "");
  await mkdir(join(root, units, "sysinit.target.wants"), { recursive: true });
  await symlink("../absent.service", join(root, units, "sysinit.target.wants/absent.service"));
  await symlink("../present.service", join(root, units, "sysinit.target.wants/present.service"));
  await symlink("absent.service", join(root, units, "alias.service"));
  await symlink("/dev/null", join(root, units, "masked.service"));

  await pruneUnits(root);

  expect((await readdir(join(root, units))).toSorted()).toEqual([
    "each.socket",
    "each@.service",
    "masked.service",
    "named.service",
    "present.service",
    "sysinit.target.wants",
  ]);
  expect(await readdir(join(root, units, "sysinit.target.wants"))).toEqual(["present.service"]);
  expect(await resolveInRoot(root, "usr/lib/systemd/system-generators")).toBeUndefined();
});

test("no unit takes credentials of the machine, those of systemd no more and any other not at all", async () => {
  const own = "[Service]\nLoadCredential=level:/var/lib/orlop/level\nSetCredential=level:none\n";
  await write(`${units}/own.service`, own);
  await write(`${units}/systemd-sysctl.service`, "[Service]\nImportCredential=sysctl.*\nType=oneshot\n");
  await refuseCredentials(root);
  expect(await readFile(join(root, units, "systemd-sysctl.service"), "utf8")).toBe("[Service]\nType=oneshot\n");
  expect(await readFile(join(root, units, "own.service"), "utf8")).toBe(own);
  for (const line of [
    "ImportCredential=new.*",
    "LoadCredential=new",
    "LoadCredentialEncrypted=new:new",
    "LoadCredential=new:",
  ]) {
    await write(`${units}/new.service`, `[Service]\n${line}\n`);
    await expect(refuseCredentials(root)).rejects.toThrow(`new.service has ${line}`);
  }
});

test("drop-ins are no units of their own", () => {
  expect(unitNames([`${units}/a.service`, `${units}/a.service.d/10.conf`, "usr/lib/sysctl.d/50.conf"])).toEqual([
    "a.service",
  ]);
});
