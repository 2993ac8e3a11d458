/** The frame of the page: which fleet it is, how it goes, and the view that was chosen. */
import { Pill, type Tone } from "../../../web/page/parts.tsx";
import { localText, utcText } from "../../../web/page/texts.ts";
import { useRoute } from "../../../web/page/use-route.ts";
import { fleetRouteIn, fleetViews, viewAddress, viewTitles, type FleetRoute } from "./fleet-routes.ts";
import type { ShownFleet } from "./fleet-store.ts";
import { overallPace } from "./pace-text.ts";
import { useFleet, useFleetNow } from "./use-fleet.ts";
import { FleetView } from "./views/fleet.tsx";
import { HistoryView } from "./views/history.tsx";
import { NodeView } from "./views/node.tsx";
import { NodesView } from "./views/nodes.tsx";
import { WhenView } from "./views/when.tsx";

export function FleetApp() {
  const { fleet, lost } = useFleet();
  const route = useRoute(fleetRouteIn);
  const current = route.view === "node" ? "nodes" : route.view;
  const title = route.view === "node" ? route.name : viewTitles[route.view];
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Masthead fleet={fleet} lost={lost} />
      <nav aria-label="Views">
        {fleetViews.map((view) => (
          <a key={view} href={viewAddress(view)} aria-current={view === current ? "page" : undefined}>
            {viewTitles[view]}
          </a>
        ))}
      </nav>
      <main id="main" tabIndex={-1}>
        <Interruption fleet={fleet} lost={lost} />
        <h1 class={route.view === "fleet" ? "unseen" : ""}>{title}</h1>
        <Shown fleet={fleet} route={route} />
      </main>
    </>
  );
}

function Shown({ fleet, route }: { fleet: ShownFleet; route: FleetRoute }) {
  switch (route.view) {
    case "node":
      return <NodeView key={route.name} fleet={fleet} name={route.name} />;
    case "nodes":
      return <NodesView key={`${route.state} ${route.zone}`} fleet={fleet} state={route.state} zone={route.zone} />;
    case "when":
      return <WhenView fleet={fleet} />;
    case "history":
      return <HistoryView fleet={fleet} />;
    case "fleet":
      return <FleetView fleet={fleet} />;
  }
}

function Masthead({ fleet, lost }: { fleet: ShownFleet; lost: boolean }) {
  const { source, viewer } = fleet;
  const [tone, word] = stateWord(fleet, lost);
  document.title = source === undefined ? "Orlop" : `${word} · ${source.title}`;
  return (
    <header class="masthead">
      <img src="icon.svg" alt="" width="28" height="28" />
      <strong>{source?.title ?? "…"}</strong>
      <span role="status">
        <Pill tone={tone}>{word}</Pill>
      </span>
      <span class="grow" />
      {source !== undefined && source.rate !== 1 && <FleetClock fleet={fleet} rate={source.rate} />}
      {viewer !== undefined && (
        <span class="fine">
          {viewer.name === "you" ? "" : `${viewer.name}, `}
          {viewer.hindrance === undefined ? "may stop the fleet" : "only looks"}
        </span>
      )}
    </header>
  );
}

/** A simulated fleet has a time of its own. */
function FleetClock({ fleet, rate }: { fleet: ShownFleet; rate: number }) {
  const nowMs = useFleetNow(fleet);
  return (
    <span class="fine" title={utcText(nowMs)}>
      simulated time {localText(nowMs)}, {rate.toLocaleString()} times as fast
    </span>
  );
}

function stateWord(fleet: ShownFleet, lost: boolean): [Tone, string] {
  if (lost) return ["broken", "no connection"];
  if (fleet.unreached !== undefined) return ["broken", "not reached"];
  if (fleet.nodes === undefined) return ["quiet", "connecting"];
  return overallPace(fleet.policies);
}

function Interruption({ fleet: { unreached, doubt }, lost }: { fleet: ShownFleet; lost: boolean }) {
  const reason = lost
    ? "this page has lost the program that serves it: it goes on by itself when that is back; if a session was over, open it anew"
    : unreached;
  if (reason === undefined) return doubt === undefined ? null : <p class="warning">{doubt}</p>;
  return (
    <div class="refusal" role="alert">
      <p>{reason}</p>
      <p>What is shown below is what was known last.</p>
    </div>
  );
}
