/** The migrations that a version brings, as the repository signs them: to be tried before the version is taken. */
import { Failure } from "../../../lib/failure.ts";
import { migrationsBetween } from "../../../repo/manifest.ts";
import { parseMigration, type Migration } from "../../../settings/migrations/migration.ts";
import type { System } from "../../machine/system.ts";
import type { UpdateMirror } from "./mirror.ts";
import { targetBytes, type TrustedRepository } from "./trusted-repository.ts";

/** A setting that is retyped by a table of a thousand values takes less. */
const largestBytes = 256 * 1024;
const most = 200;

/** @throws {Failure<"bad-manifest" | "bad-migration">} and as `targetBytes` */
export async function publishedMigrations(
  system: System,
  mirror: UpdateMirror,
  repository: TrustedRepository,
  versions: { from: string; to: string },
  signal: AbortSignal,
): Promise<Migration[]> {
  const names = migrationsBetween(repository.manifest, versions.from, versions.to);
  if (names.length > most) {
    throw new Failure(
      "bad-manifest",
      `cannot take ${versions.to}: it brings ${names.length} migrations, at most ${most} are read`,
    );
  }
  const migrations: Migration[] = [];
  for (const name of names) {
    const target = repository.target(name);
    if (target === undefined) {
      throw new Failure(
        "bad-manifest",
        `cannot take ${versions.to}: the manifest names ${name}, which is no signed target`,
      );
    }
    const text = await targetBytes(system, mirror, target, largestBytes, signal);
    migrations.push(parseMigration(text.toString("utf8"), name));
  }
  return migrations;
}
