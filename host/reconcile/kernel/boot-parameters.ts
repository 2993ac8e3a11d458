/**
 * Parameters of kernel and init from `settings.boot`: an addon on the ESP whose words systemd-stub appends to the signed
 * command line. docs/decisions/0013-boot-parameters.md tells why, and what becomes of it under Secure Boot.
 *
 * `/run/orlop/boot-parameters` keeps with which addon this boot began, so that it is known whether the next one differs.
 */
import { Failure, unreachable } from "../../../lib/failure.ts";
import {
  readIfPresent,
  readTextIfPresent,
  removeDurably,
  removeLeftovers,
  writeFileAtomic,
} from "../../../lib/files/files.ts";
import { bootParameterProblems, commandLineWords } from "../../../settings/values/boot-parameters.ts";
import type { Settings } from "../../../settings/model/model.ts";
import type { Architecture } from "../../../variants/variant.ts";
import { makeAddon, wordsOfAddon } from "../../../lib/efi/boot-addon.ts";
import { isSecureBoot } from "../../machine/firmware.ts";
import { hostPath, type System } from "../../machine/system.ts";
import { reconciler } from "../reconciler.ts";

const addonPath = "/efi/loader/addons/orlop-settings.addon.efi";
const beganPath = "/run/orlop/boot-parameters";
const stubPath = (arch: Architecture): string =>
  `/usr/lib/systemd/boot/efi/addon${{ x86_64: "x64", aarch64: "aa64" }[arch]}.efi.stub`;

type Desired = { words: string; arch: Architecture };
type Actual = { words: string; began: string; secureBoot: boolean };
type Step =
  | { kind: "write"; words: string; began: string; arch: Architecture }
  | { kind: "remove"; began: string }
  | { kind: "refuse"; words: string };

export const bootParameters = reconciler<Desired, Actual, Step>({
  name: "boot-parameters",
  desired: ({ boot }, { arch }) => ({ words: wantedWords(boot), arch }),
  async observe(system) {
    const addon = await readAddon(system);
    const words = (addon && wordsOfAddon(addon)) ?? "";
    return { words, began: await wordsOfThisBoot(system), secureBoot: await isSecureBoot(system) };
  },
  plan({ words, arch }, actual) {
    const { began } = actual;
    if (words === actual.words) return [];
    if (words === "") return [{ kind: "remove", began }];
    return actual.secureBoot ? [{ kind: "refuse", words }] : [{ kind: "write", words, began, arch }];
  },
  rebootNeeded({ words }, { began, secureBoot }) {
    if (words === began || (secureBoot && words !== "")) return [];
    return ["settings.boot.kernel-parameters and init-parameters are not those of this boot"];
  },
  describe(step) {
    switch (step.kind) {
      case "refuse":
        return { description: "leave the kernel command line as it is" };
      case "remove":
        return { description: "boot without parameters next time", file: { path: addonPath, change: "remove" } };
      case "write":
        return { description: `boot with ${step.words} next time`, file: { path: addonPath, change: "modify" } };
      default:
        return unreachable(step);
    }
  },
  async apply(system, step) {
    if (step.kind === "refuse") {
      throw new Failure("secure-boot", "cannot add kernel parameters: Secure Boot starts only what is signed", {
        hint: "name them in kernelParameters of a variant of your own, whose image you sign",
      });
    }
    await writeFileAtomic(hostPath(system, beganPath), step.began);
    const addon = hostPath(system, addonPath);
    // On FAT, what a write that was cut short has left may have the same clusters as the addon: both go, or none.
    if ((await removeLeftovers(addon, system.storage)) > 0) await removeDurably(addon, system.storage);
    if (step.kind === "remove") await removeDurably(addon, system.storage);
    else await writeFileAtomic(addon, makeAddon(await readStub(system, step.arch), step.words), 0o600, system.storage);
  },
  afterFailure: "stop",
});

/** The words that were added to the command line of this boot. */
export async function wordsOfThisBoot(system: System): Promise<string> {
  const began = await readTextIfPresent(hostPath(system, beganPath));
  if (began !== undefined) return began;
  const addon = await readAddon(system);
  return (addon && wordsOfAddon(addon)) ?? "";
}

/**
 * What is to be added to the command line.
 *
 * @throws {Failure<"bad-boot-parameters">} for what an older image accepted
 */
export function wantedWords(boot: Settings["boot"]): string {
  const [problem] = bootParameterProblems(boot);
  if (problem === undefined) return commandLineWords(boot);
  throw new Failure("bad-boot-parameters", `cannot add kernel parameters: ${problem.message}`);
}

async function readStub(system: System, arch: Architecture): Promise<Uint8Array> {
  const path = stubPath(arch);
  const stub = await readIfPresent(hostPath(system, path));
  if (stub === undefined) throw new Failure("no-stub", `cannot add kernel parameters: the image has no ${path}`);
  return stub;
}

async function readAddon({ root, storage }: System): Promise<Uint8Array | undefined> {
  return await readIfPresent(hostPath({ root }, addonPath), storage);
}
