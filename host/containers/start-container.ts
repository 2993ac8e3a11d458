/**
 * Starts a container and leaves it to its unit: nobody of ours waits for it.
 *
 * Its processes are in the control group of the unit, so systemd sees when the last one has gone. What the container
 * prints comes through a pipe from containerd's shim to cat(1), which hands it to where our own output goes, the journal.
 * That process is of the unit too, and ends with the last byte.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { afterFailure } from "../../lib/failure.ts";
import { start } from "../../lib/program/program.ts";
import { OptionsSchema } from "./containerd/api/runc-options_pb.ts";
import type { Mount } from "./containerd/api/types_pb.ts";
import { snapshotter } from "./containerd/containerd.ts";
import { isMadeBySystemd } from "./description.ts";
import { imageLabel } from "./garbage.ts";
import type { PulledImage } from "./image.ts";
import { makePipes, outputPipe, type OutputPipes } from "./pipes.ts";
import type { Spec } from "./spec/spec.ts";
import { type ContainerPlace, removeContainer } from "./stop-container.ts";

/** What to start. */
export type Prepared = { image: PulledImage; spec: Spec };

const relayProgram = "cat";

/**
 * Takes away what is left of an earlier run. Resolves when the container's first process runs.
 *
 * @param output where what it prints goes: to where our own does, or to an open file
 */
export async function startContainer(
  place: ContainerPlace,
  prepared: Prepared,
  output: "inherit" | number,
): Promise<void> {
  const pipe = outputPipe(place.directory);
  await removeContainer(place.containerd, place.id);
  await makePipes(place.directory, [pipe]);
  // It is open when the shim has opened its end, without which no container starts.
  const relay = start([relayProgram, pipe], { stdout: output, stderr: "inherit", session: "outlives us" });
  try {
    await startTask(place, prepared, { stdout: pipe, stderr: pipe });
  } catch (error) {
    throw await afterFailure(error, async () => await relay.end());
  }
}

/** The container does not get past its start until somebody reads the pipes. */
export async function startTask(
  { containerd, id, clock, log }: ContainerPlace,
  { image, spec }: Prepared,
  pipes: OutputPipes,
): Promise<void> {
  const { mounts } = await containerd.snapshots.prepare({
    snapshotter,
    key: id,
    parent: image.chain,
    // The collector keeps a container's snapshot because the container names it, which it does only below.
    labels: { "containerd.io/gc.root": clock.now().toISOString() },
  });
  await containerd.containers.create({
    container: {
      id,
      image: image.digest,
      snapshotter,
      snapshotKey: id,
      runtime: { name: "io.containerd.runc.v2" },
      spec: {
        typeUrl: "types.containerd.io/opencontainers/runtime-spec/1/Spec",
        value: Buffer.from(JSON.stringify(spec)),
      },
      labels: { [imageLabel]: image.digest },
    },
  });
  const options = toBinary(
    OptionsSchema,
    create(OptionsSchema, { systemdCgroup: isMadeBySystemd(spec.linux.cgroupsPath) }),
  );
  await containerd.tasks.create({
    containerId: id,
    rootfs: labelledMounts(mounts, spec.linux.mountLabel),
    ...pipes,
    options: { typeUrl: "containerd.runc.v1.Options", value: options },
  });
  const { pid } = await containerd.tasks.start({ containerId: id });
  log.info(`container ${id}: started as process ${pid}`);
}

/** Everything in the root of a container has one label, whatever its layers say: they are shared. */
function labelledMounts(mounts: Mount[], label: string | undefined): Mount[] {
  if (label === undefined) return mounts;
  return mounts.map((mount) => ({ ...mount, options: [...mount.options, `context="${label}"`] }));
}
