/** What an operator of a fleet should know, each with what helps and the way to its nodes. */
import { CommandLine, Pill } from "../../../web/page/parts.tsx";
import type { FleetConcern } from "./fleet-concerns.ts";
import { nodeAddress } from "./fleet-routes.ts";

/** So many nodes are named. */
const namedMost = 8;

export function FleetConcernList({ concerns }: { concerns: readonly FleetConcern[] }) {
  if (concerns.length === 0) return null;
  return (
    <ul class="concerns">
      {concerns.map((concern) => (
        <Concern key={`${concern.subject} ${concern.nodes[0] ?? ""}`} concern={concern} />
      ))}
    </ul>
  );
}

function Concern({ concern: { severity, subject, sentence, nodes, command } }: { concern: FleetConcern }) {
  const more = nodes.length - namedMost;
  return (
    <li class={`concern ${severity}`}>
      <div class="subject">
        <Pill tone={severity === "note" ? "quiet" : severity}>{subject}</Pill>
        <span class="names">
          {nodes.slice(0, namedMost).map((name) => (
            <a key={name} href={nodeAddress(name)}>
              {name}
            </a>
          ))}
          {more > 0 && <span class="fine">and {more.toLocaleString()} more</span>}
        </span>
      </div>
      <p>{sentence}</p>
      {command !== undefined && <CommandLine text={command} />}
    </li>
  );
}
