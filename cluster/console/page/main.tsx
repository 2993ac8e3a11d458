/** Where the page of a fleet begins. */
import { render } from "preact";
import { FleetApp } from "./fleet-app.tsx";

const place = document.getElementById("page");
if (place !== null) render(<FleetApp />, place);
