/**
 * What has one door: programs are started by `lib/program/program.ts`, time comes from `lib/clock.ts`, and what runs on a host
 * has it, and its machine, from its `System`. `doors.test.ts` holds the tree to it.
 */

type Door = {
  /** Files it is for. */
  readonly of: RegExp;
  /** What leads past it. */
  readonly past: RegExp;
  readonly except: readonly string[];
  readonly rule: string;
};

/** Tests, benchmarks and these rules may do as they like. */
const production = /^(?!test\/|bench\/|tools\/doors).*(?<!\.test)\.ts$/;
const host = /^host\/.*(?<!\.test)\.ts$/;

/** What believes what a server answers, wherever it runs. The builder has a hash, or a signature, of all that it fetches. */
const asksServers = /^(?:host|installer|cluster|publish|repo)\/(?!.*page\/).*(?<!\.test)\.ts$/;

/** What lies in `host/` and runs on the build machine, or in a container. */
const elsewhere = [
  "programs/compile.ts",
  "programs/bun-executable.ts",
  "programs/containers/sheltie.ts",
  "programs/containers/admin-setup.ts",
];

const doors: readonly Door[] = [
  {
    of: production,
    past: /\bBun\.(spawn|spawnSync|\$)|node:child_process/,
    except: [
      "lib/program/program.ts",
      "tools/tour-shell.ts", // at a terminal of its own
    ],
    rule: "programs are started by lib/program/program.ts",
  },
  {
    of: production,
    past: /\bBun\.sleep|node:timers|\bsetTimeout\((resolve|done)\b|\bperformance\.now\(|\bBun\.nanoseconds\(|\buptime\(/,
    except: ["lib/clock.ts"],
    rule: "time elapses, and is waited for, by a Clock of lib/clock.ts",
  },
  {
    of: host,
    past: /\bDate\.now\(|\bnew Date\(\)|\bmachineClock\b/,
    except: [
      "host/machine/system.ts", // brings it
      // Peers at the other end of a socket or pipe live by the time of this computer, and not by that of a test.
      "host/apiserver/server/connections.ts",
      "host/apiserver/exec/exec-session.ts",
      "host/containers/exec.ts",
      "host/containers/pipes.ts",
      "host/node/node-status.ts",
      "host/update/fetch/download.ts",
    ],
    rule: "time on a host is that of System.clock",
  },
  {
    of: host,
    past: /["`]journalctl|"systemctl",.*"status"/,
    except: [
      "host/machine/journal.ts",
      "host/logdog/requests.ts", // whatever it collects is masked
    ],
    rule: "the journal is read by host/machine/journal.ts, which masks secrets",
  },
  {
    of: host,
    past: /from "node:(os|dns)/,
    except: [
      "host/machine/system.ts",
      "host/machine/linux.ts", // the byte order of this processor
      ...elsewhere,
    ],
    rule: "a host knows its machine and the network by its System",
  },
  {
    of: /^(?!publish\/aws\/|cluster\/ecs\/|test\/|bench\/|tools\/doors).*\.ts$/,
    past: /["']@aws-sdk\//,
    except: [],
    rule: "AWS is called by publish/aws/ and cluster/ecs/, and their tests see that every call there was answered",
  },
  {
    of: asksServers,
    past: /(^|[^.#\w])fetch\((?!request\))|\bfetch: fetch\b|^\s*fetch,$/,
    except: [
      "host/machine/system.ts",
      // By a `Fetch` that they are handed.
      "cluster/operator/gates/gate-answer.ts",
      "cluster/ecs/sole-updater.ts",
      ...elsewhere,
    ],
    rule: "redirects are followed by lib/files/http-redirects.ts: System.fetch, and followingRedirects(fetch) for clients",
  },
  {
    of: host,
    past: /\b(readFile|writeFile|open|stat|lstat|access|readdir|mkdir|rm|unlink|rename|readlink|statfs)(Sync)?\(\s*["`]\/|\b(readTextIfPresent|namesIn|isPresent|removeIfPresent|writeFileAtomic|Bun\.file|Bun\.write)\(\s*["`]\//,
    except: [
      // What only the kernel that runs this very process can tell.
      "host/machine/linux.ts",
      "host/apiserver/callers/origin.ts",
      ...elsewhere,
    ],
    rule: "files of a host lie below System.root (hostPath)",
  },
];

/** Clients are no host: they run on laptops too. */
const client = /^host\/commands\/apiclient\//;

/** The lines of a source that go past a door: "host/main.ts:12: programs are started by lib/program/program.ts". */
export function pastDoors(file: string, source: string): string[] {
  const lines = source.split("\n").map(withoutComment);
  const isFor = (door: Door): boolean =>
    door.of.test(file) && !door.except.includes(file) && !(door.of === host && client.test(file));
  return doors
    .filter(isFor)
    .flatMap(({ past, rule }) => lines.flatMap((line, at) => (past.test(line) ? [`${file}:${at + 1}: ${rule}`] : [])));
}

const withoutComment = (line: string): string => line.replace(/^\s*(\/?\*|\/\/).*/, "").replace(/ \/\/ .*/, "");
