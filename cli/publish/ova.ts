/** `./orlop publish ova` */
import { formatBytes } from "../../lib/progress.ts";
import { usageFailure } from "../../lib/command/command.ts";
import { verb } from "../context.ts";
import { buildArgument, outputOption, parseCount } from "./options.ts";

export const publishOva = verb({
  name: "publish ova",
  summary: "Pack a build as an OVA, for VMware vSphere and what takes its format",
  description: `EFI firmware, a disk on PVSCSI, a card of vmxnet3. Who deploys it is asked for user data, which reaches the host as
a property (guestinfo.userdata). The manifest is signed.`,
  examples: [
    { run: "./orlop publish ova build/vmware", description: "signed by the key that signs images" },
    {
      run: "./orlop publish ova build/vmware --key ova.key --certificate ova.pem",
      description: "by one that vSphere knows",
    },
  ],
  arguments: { build: buildArgument },
  options: {
    output: outputOption,
    key: { type: "text", value: "FILE", help: "Private key that signs the manifest, in PEM", complete: "files" },
    certificate: { type: "text", value: "FILE", help: "Its certificate, in PEM", complete: "files" },
    "disk-size": { type: "text", value: "GIB", help: "Of the machine's disk", default: "22", parse: parseCount },
    cpus: { type: "text", value: "COUNT", help: "Processors of the machine", default: "2", parse: parseCount },
    memory: { type: "text", value: "MIB", help: "Memory of the machine", default: "4096", parse: parseCount },
  },
  async run({ invocation: { signal } }, values) {
    const { key, certificate } = values;
    if ((key === undefined) !== (certificate === undefined)) throw usageFailure("--key and --certificate go together");
    const { readBuild } = await import("../../image/finished-build.ts");
    const { publishOva: publish } = await import("../../publish/vmware/publish-ova.ts");
    const path = await publish(await readBuild(values.build), {
      output: values.output,
      signer: key === undefined || certificate === undefined ? undefined : { key, certificate },
      diskGib: values["disk-size"],
      cpus: values.cpus,
      memoryMib: values.memory,
      signal,
    });
    return { path, bytes: Bun.file(path).size };
  },
  print: ({ path, bytes }) => `${path}  ${formatBytes(bytes)}`,
});
