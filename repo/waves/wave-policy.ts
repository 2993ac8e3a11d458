/**
 * How fast a release spreads: `[[waves]]` tables of a TOML file, each with `start_after` and `fleet_percentage`.
 *
 * Hosts below the percentage may update from that offset on, the rest wait for the next wave. The format is
 * Bottlerocket's (its sources/updater/waves), and so are the four policies that ship in `repo/waves/policies/`.
 */
import { parse, TomlError } from "smol-toml";
import { z } from "zod";
import { Failure } from "../../lib/failure.ts";
import { parseMoment } from "./moment.ts";
import { seedLimit, type Wave } from "./waves.ts";

const Policy = z.strictObject({
  waves: z.array(z.strictObject({ start_after: z.string(), fleet_percentage: z.int().min(1).max(100) })).min(1),
});

/**
 * The waves of a release that starts at `start`.
 *
 * @param name the file's name, for messages
 * @throws {Failure<"bad-wave-policy">}
 */
export function wavesOf(toml: string, start: Date, name: string): Wave[] {
  const refuse = (reason: string, cause?: unknown): Failure =>
    new Failure("bad-wave-policy", `cannot use the wave policy ${name}: ${reason}`, { cause });
  let document: unknown;
  try {
    document = parse(toml);
  } catch (error) {
    if (error instanceof TomlError) throw refuse(`line ${error.line}, column ${error.column}: ${error.message}`);
    throw error;
  }
  const policy = Policy.safeParse(document);
  if (!policy.success) throw refuse(z.prettifyError(policy.error));

  const waves: Wave[] = [];
  let firstSeed = 0;
  for (const { start_after, fleet_percentage } of policy.data.waves) {
    let opens: Date;
    try {
      opens = parseMoment(start_after, start);
    } catch (error) {
      throw refuse(`wave ${waves.length + 1}`, error);
    }
    const previous = waves.at(-1);
    if (previous !== undefined && opens <= previous.start) {
      throw refuse(`wave ${waves.length + 1} must start after the one before it`);
    }
    waves.push({ firstSeed, start: opens });
    const nextSeed = Math.trunc((fleet_percentage * seedLimit) / 100);
    if (nextSeed <= firstSeed)
      throw refuse(`wave ${waves.length} must have a larger fleet_percentage than the one before it`);
    firstSeed = nextSeed;
  }
  if (firstSeed < seedLimit) throw refuse("the last wave must have a fleet_percentage of 100");
  return waves;
}
