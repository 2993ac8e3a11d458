/** What a variant's file adds to images, from what lies beside it. */
import { dirname, extname, isAbsolute, join } from "node:path";
import { Failure, isFailure } from "../../lib/failure.ts";
import { run } from "../../lib/program/process.ts";
import { variantNamed } from "../../variants/all.ts";
import { isFor, type OwnVariant } from "../../variants/variant-file.ts";
import type { Architecture } from "../../variants/variant.ts";
import { type InputFile, inputFile } from "../inputs.ts";
import { debianArchitecture } from "../packages/base.ts";
import type { AddedDeb, Additions } from "./additions.ts";
import { readOwnLock } from "./own-lock.ts";

/** A path that the file names, from where the file lies. */
export function beside({ path }: Pick<OwnVariant, "path">, name: string): string {
  return isAbsolute(name) ? name : join(dirname(path), name);
}

/** The list of executables of its images, as `image/executables/` has those of this tree's variants. */
export function goldenPathOf({ path }: Pick<OwnVariant, "path">, architecture: Architecture): string {
  return `${path.slice(0, -extname(path).length)}.executables-${architecture}.golden`;
}

/**
 * What the variant adds to an image.
 *
 * @throws {Failure<"hash-mismatch" | "no-such-file" | "bad-package" | "no-lock">}
 */
export async function additionsOf(own: OwnVariant, architecture: Architecture): Promise<Additions> {
  const { file } = own;
  const debs: AddedDeb[] = [];
  for (const deb of file.deb.filter(isFor(architecture))) {
    debs.push(await readDeb(await checkedFile(own, deb.file, deb.sha256), architecture));
  }
  const files = await Promise.all(
    file.file.filter(isFor(architecture)).map(async ({ path, source, sha256, mode }) => ({
      path,
      source: await checkedFile(own, source, sha256),
      mode: Number.parseInt(mode, 8),
    })),
  );
  const base = variantNamed(file.base);
  return { base, packages: await readOwnLock(own.path, file.packages, architecture), debs, files };
}

async function checkedFile(own: OwnVariant, name: string, sha256: string): Promise<InputFile> {
  const path = beside(own, name);
  try {
    const file = await inputFile(path);
    if (file.sha256 === sha256) return file;
    throw new Failure(
      "hash-mismatch",
      `cannot use ${path}: its SHA-256 is ${file.sha256}, and ${own.path} says ${sha256}`,
    );
  } catch (error) {
    if (!isFailure(error, "no-such-file")) throw error;
    throw new Failure("no-such-file", `cannot read ${path}: it does not exist, and ${own.path} names it`);
  }
}

async function readDeb(file: InputFile, architecture: Architecture): Promise<AddedDeb> {
  const { stdout } = await run([
    "dpkg-deb",
    "--show",
    "--showformat=${Package}\n${Version}\n${Architecture}\n",
    file.path,
  ]);
  const [name = "", version = "", built = ""] = stdout.split("\n");
  if (built === "all" || built === debianArchitecture(architecture)) return { name, version, file };
  throw new Failure("bad-package", `cannot use ${file.path} for ${architecture}: it is for ${built}`, {
    hint: "say so with `arch` beside it",
  });
}
