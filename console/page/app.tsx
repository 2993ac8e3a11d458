/** The frame of the page: where one is, how the host does, and the view that was chosen. */
import type { ConsoleView } from "../view.ts";
import { concernsOf } from "./concerns.ts";
import { useConsoleView } from "./console-view.ts";
import { Pill, type Tone } from "../../web/page/parts.tsx";
import { useRoute } from "../../web/page/use-route.ts";
import { addressOf, routeIn, routeNames, titles, type RouteName } from "./routes.ts";
import { BootView } from "./views/boot.tsx";
import { ContainersView } from "./views/containers.tsx";
import { HistoryView } from "./views/history.tsx";
import { MachineView } from "./views/machine.tsx";
import { OverviewView } from "./views/overview.tsx";
import { SettingsView } from "./views/settings.tsx";
import { UpdateView } from "./views/update.tsx";

const views: Record<RouteName, (props: { view: ConsoleView }) => preact.JSX.Element> = {
  overview: OverviewView,
  boot: BootView,
  settings: SettingsView,
  history: HistoryView,
  containers: ContainersView,
  update: UpdateView,
  machine: MachineView,
};

export function App() {
  const { view, lost } = useConsoleView();
  const route = useRoute(routeIn);
  const Shown = views[route];
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Masthead view={view} lost={lost} />
      <nav aria-label="Views">
        {routeNames.map((name) => (
          <a key={name} href={addressOf(name)} aria-current={name === route ? "page" : undefined}>
            {titles[name]}
            <Count view={view} route={name} />
          </a>
        ))}
      </nav>
      <main id="main" tabIndex={-1}>
        <Interruption view={view} lost={lost} />
        <h1 class={route === "overview" ? "unseen" : ""}>{titles[route]}</h1>
        <Shown view={view} />
      </main>
    </>
  );
}

function Masthead({ view, lost }: { view: ConsoleView; lost: boolean }) {
  const { status, viewer } = view;
  const [tone, word] = stateOf(view, lost);
  document.title = status === undefined ? "Orlop" : `${word} · ${status.hostname}`;
  return (
    <header class="masthead">
      <img src="icon.svg" alt="" width="28" height="28" />
      <strong>{status?.hostname ?? "…"}</strong>
      <span role="status">
        <Pill tone={tone}>{word}</Pill>
      </span>
      <span class="grow" />
      {status !== undefined && (
        <span class="fine">
          {status.os.pretty_name} · {status.os.variant_id}
        </span>
      )}
      {viewer !== undefined && (
        <span class="fine">
          {viewer.address} · {viewer.role}, {viewer.mayWrite ? "may change" : "only looks"}
        </span>
      )}
    </header>
  );
}

export function stateOf({ status, connection }: ConsoleView, lost: boolean): [Tone, string] {
  if (lost) return ["broken", "no connection"];
  if (connection?.reached === false) return ["broken", "not reached"];
  if (status === undefined) return ["quiet", "connecting"];
  if (status.halted !== undefined) return ["broken", "halted"];
  if (status.state === "running") return ["good", "running"];
  return status.state === "booting" ? ["attention", "booting"] : ["broken", "degraded"];
}

function Interruption({ view: { connection }, lost }: { view: ConsoleView; lost: boolean }) {
  const reason = lost
    ? "this page has lost `apiclient console`: it may have ended, and goes on by itself when it is back"
    : connection?.reached === false
      ? connection.reason
      : undefined;
  if (reason === undefined) return null;
  return (
    <div class="refusal" role="alert">
      <p>{reason}</p>
      <p>What is shown below is what was known last.</p>
    </div>
  );
}

/** How much of what is wrong has more to it in a view. */
function Count({ view, route }: { view: ConsoleView; route: RouteName }) {
  const count = concernsOf(view).filter((concern) => concern.route === route && concern.severity !== "note").length;
  if (count === 0) return null;
  return (
    <span class="count">
      {count} <span class="unseen">to look at</span>
    </span>
  );
}
