// SPDX-License-Identifier: Apache-2.0
// Which view an address shows.
import { Component, render, type ComponentChildren } from "preact";
import "uplot/dist/uPlot.min.css";
import "./style.css";
import { Compare } from "./compare";
import { Gateways } from "./gateways";
import { Home } from "./home";
import { LadderView } from "./ladder_view";
import { PathView } from "./path_view";
import { Paths } from "./paths";
import { followLinks, usePlace, view } from "./place";
import { useSettings } from "./settings";
import { Bar } from "./shell";
import { titleOf, useTitle } from "./title";
import { TopologyView } from "./topology";
import { Trust } from "./trust";
import { t } from "./words";

function View() {
  const { path } = usePlace();
  const one = /^\/(path|ladder)\/([0-9a-fA-F]{4,16})$/.exec(path);
  if (one) return one[1] === "path" ? <PathView key={path} id={one[2]} /> : <LadderView key={path} id={one[2]} />;
  if (path === "/") return <Home />;
  if (path === "/paths") return <Paths />;
  if (path === "/gateways") return <Gateways />;
  if (path === "/compare") return <Compare />;
  if (path === "/topology") return <TopologyView />;
  if (path === "/trust") return <Trust />;
  return <p class="note" role="alert">{t("There is nothing at {0}.", path)} <a href={view("/")}>{t("Home")}</a></p>;
}

/** A mistake in one view is said, and the others stay usable. */
class Guard extends Component<{ children: ComponentChildren; at: string }, { failure?: string; at: string }> {
  state = { failure: undefined as string | undefined, at: this.props.at };
  static getDerivedStateFromError(failure: Error) {
    return { failure: failure.message };
  }
  componentDidUpdate() {
    if (this.state.at !== this.props.at) this.setState({ failure: undefined, at: this.props.at });
  }
  render() {
    return this.state.failure ? <p class="note bad" role="alert">{t("This view failed: {0}", this.state.failure)}</p> : this.props.children;
  }
}

function App() {
  useSettings();
  const place = usePlace(), { path } = place;
  useTitle(titleOf(place));
  return (
    <div class="app" onClick={followLinks}>
      <Bar />
      <main><Guard at={path}><View /></Guard></main>
    </div>
  );
}

render(<App />, document.getElementById("app")!);
