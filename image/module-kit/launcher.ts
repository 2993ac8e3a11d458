/**
 * Programs that run wherever a shell is, with the C library of their own kit: a script in the program's place starts the
 * real one by the kit's loader. Nothing knows where the kit lies, and nothing of the container around it is used.
 */
import { chmod, mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";

/** Below a kit. */
export const toolchain = "toolchain";
const [programs, libraries] = [`${toolchain}/programs`, `${toolchain}/lib`];
/** The loader has one name on every architecture. */
export const loader = `${libraries}/ld.so`;

/**
 * Puts a program of the kit behind a script that starts it.
 *
 * @param path where people and other programs look for it, below the kit
 * @param real the program, which moves
 */
export async function placeProgram(kit: string, path: string, real: string): Promise<void> {
  const place = `${programs}/${path.replace(`${toolchain}/`, "").replaceAll("/", "-")}`;
  await mkdir(join(kit, programs), { recursive: true });
  await mkdir(dirname(join(kit, path)), { recursive: true });
  await rename(real, join(kit, place));
  await placeLauncher(kit, path, place);
}

/** A further name of a program that `placeProgram` put there. */
export async function placeName(kit: string, path: string, of: string): Promise<void> {
  await placeLauncher(kit, path, `${programs}/${of.replace(`${toolchain}/`, "").replaceAll("/", "-")}`);
}

/** gcc finds its compiler by the name that it is called by, which the loader therefore hands on. */
async function placeLauncher(kit: string, path: string, program: string): Promise<void> {
  const above = relative(dirname(path), ".");
  const script = [
    "#!/bin/sh",
    `kit="\${0%/*}/${above}"`,
    `exec "$kit/${loader}" --argv0 "$0" --library-path "$kit/${libraries}" "$kit/${program}" "$@"`,
    "",
  ];
  await writeFile(join(kit, path), script.join("\n"));
  await chmod(join(kit, path), 0o755);
}

/** Where a library of the kit lies, below it. */
export function libraryPath(name: string): string {
  return `${libraries}/${name}`;
}
