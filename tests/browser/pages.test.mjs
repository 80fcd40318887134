// The pages in a real browser: every page, filter, tab and key, in light and dark and on a phone.
// Nothing complains on the console, and nothing is asked of another host.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { EVIL, busy, hostile, iso, large, outcomes } from "./data.mjs";
import { PATIENCE, PICTURES, browser, cli, serve, tab } from "./stage.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LARGE = 50000;
let server, chrome, ids;

before(async () => {
  server = await serve();
  chrome = await browser();
  ids = await busy(server.client);
  await outcomes(server.client, "outcomes");
  await hostile(server.client, "hostile");
});

after(async () => {
  await chrome?.close();
  await server?.stop();
});

/** Runs with a page, and fails when the page complained. */
async function visit(path, look, options) {
  const { page, complaints, context } = await tab(chrome, server.url, options);
  try {
    await page.goto(server.url + path);
    await look(page);
    assert.deepEqual(complaints, [], path);
  } finally {
    await context.close();
  }
}

const failing = () => server.client.send("GET", "/v2/sessions?end_state=Fail&limit=50", undefined, { "x-agentops-api-key": "00000000-0000-4000-8000-000000000000" })
  .then((page) => page.sessions.find((session) => session.session_id.startsWith("5e55")).session_id);
const shot = (page, name) => page.screenshot({ path: join(PICTURES, `${name}.png`) });
const drawn = (page) => page.waitForSelector(".waterfall .row:not([hidden])");
const chosen = (page) => page.locator(".row[aria-selected=true]");
const panel = (page, text) => page.locator("#panel article", { hasText: text }).waitFor();
const rows = (page) => page.locator("[data-row]").count();
/** Waits until what `read` says is as expected. */
async function until(read, expected, what) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const told = await read();
    if (told === expected) return;
    if (Date.now() > end) assert.equal(told, expected, what);
    await new Promise((done) => setTimeout(done, 50));
  }
}

describe("the list of sessions", () => {
  it("narrows by every filter, and its address says how", () => visit("/", async (page) => {
    assert.equal(await rows(page), 50);
    await shot(page, "sessions-list");
    await page.getByLabel("End state").selectOption("Fail");
    await page.waitForURL(/end_state=Fail/);
    const failed = await rows(page);
    assert.ok(failed > 3 && failed < 50, `${failed}`);
    assert.equal(await page.locator("[data-row] .badge").filter({ hasNotText: "Fail" }).count(), 0);
    await page.getByLabel("Range").selectOption("week");
    await page.waitForURL(/range=week/);
    assert.ok(await rows(page) < failed);
    await page.getByLabel("Errors only").check();
    await page.waitForURL(/errors=true/);
    await page.goto(`${server.url}/`);
    await page.getByLabel("Running or ended").selectOption("running");
    await page.waitForURL(/status=running/);
    assert.equal(await rows(page), 3);
    for (const [field, value, expected] of [["tag", "outcomes", 1], ["model", "local-llama", null], ["agent", "Writer", null], ["text", "HOSTILE", 1], ["from", "2030-01-01", 0]]) {
      await page.goto(`${server.url}/`);
      if (field !== "text") await page.locator(".more summary").click();
      await page.locator(`[name=${field}]`).fill(value);
      await page.locator(`[name=${field}]`).press("Enter");
      await page.waitForURL(new RegExp(`${field}=`));
      const found = await rows(page);
      if (expected === null) assert.ok(found > 0 && found < 60, `${field}: ${found}`);
      else assert.equal(found, expected, field);
    }
    await page.getByText("No session fits").waitFor();
  }));

  it("is put in order and turned over", () => visit("/", async (page) => {
    await page.getByRole("link", { name: "Cost" }).first().click();
    await page.waitForURL(/sort=cost/);
    assert.equal(await page.locator("th[aria-sort=descending]").innerText(), "Cost ↓");
    await page.locator("th[aria-sort] a").click();
    await page.waitForURL(/order=asc/);
    await page.goto(`${server.url}/`);
    await page.keyboard.press("n");
    await page.waitForURL(/cursor=/);
    assert.equal(await rows(page), 12);
    await page.keyboard.press("p");
    await page.waitForURL(`${server.url}/`);
  }));

  it("keeps filters under a name", () => visit("/?end_state=Fail", async (page) => {
    await page.getByLabel("Name of the filter").fill("what failed");
    await page.getByRole("button", { name: "Save filter" }).click();
    await page.goto(`${server.url}/`);
    await page.getByRole("link", { name: "what failed" }).click();
    await page.waitForURL(/end_state=Fail/);
    await page.getByRole("button", { name: "Forget what failed" }).click();
    await until(() => page.locator(".chip").count(), 0, "chips");
  }));

  it("shows new sessions by itself, downloads and deletes", () => visit("/", async (page) => {
    await page.locator("[data-live-mark]").first().waitFor();
    const session = await server.client.session({ id: "just-now", tags: ["fresh"] });
    await page.locator("[data-row=just-now]").waitFor();
    await session.events([{ id: "x", event_type: "actions", action_type: "made while you watch", init_timestamp: iso(Date.now() * 1000) }]);
    await page.getByText("made while you watch").waitFor();
    const row = page.locator("[data-row=just-now]");
    await row.locator(".menu summary").click();
    const got = page.waitForEvent("download");
    await row.getByText("Download JSON").click();
    const file = JSON.parse(await readFile(await (await got).path(), "utf8"));
    assert.equal(file.session.session_id, "just-now");
    page.on("dialog", (dialog) => dialog.accept());
    if (!await row.locator(".menu[open]").count()) await row.locator(".menu summary").click();
    await row.getByRole("button", { name: "Delete for good" }).click();
    await until(() => page.locator("[data-row=just-now]").count(), 0, "deleted");
  }));

  it("teaches when it is empty", async () => {
    const fresh = await serve();
    try {
      const { page, complaints, context } = await tab(chrome, fresh.url);
      for (const [path, words] of [["/", "AGENTOPS_API_ENDPOINT"], ["/overview", "agentops::session"], ["/events", "record_tool"], ["/compare", "sessions compare"], ["/projects", "AGENTOPS_API_KEY"]]) {
        await page.goto(fresh.url + path);
        await page.getByText(words).first().waitFor();
      }
      await page.goto(`${fresh.url}/`);
      await shot(page, "empty");
      assert.deepEqual(complaints, []);
      await context.close();
    } finally {
      await fresh.stop();
    }
  });
});

describe("the timeline", () => {
  it("chooses, folds, zooms and pans by keys", async () => visit(`/sessions/${ids[30]}`, async (page) => {
    await drawn(page);
    await page.keyboard.press("j");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("j");
    await panel(page, "Conversation");
    await page.waitForURL(/event=e-0003/);
    await shot(page, "session");
    await page.keyboard.press("k");
    assert.equal(await chosen(page).getAttribute("aria-expanded"), "true");
    const before = await page.locator(".row:not([hidden])").count();
    await page.keyboard.press("ArrowLeft");
    assert.equal(await chosen(page).getAttribute("aria-expanded"), "false");
    assert.ok(await page.locator(".row:not([hidden])").count() < before);
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.locator(".row:not([hidden])").count(), before);
    const width = () => chosen(page).locator(".bar").evaluate((bar) => parseFloat(bar.style.width));
    const fitted = await width();
    await page.keyboard.press("+");
    assert.ok(await width() > fitted * 1.5);
    assert.equal(await page.locator(".brush").isVisible(), true);
    const left = () => page.locator(".brush").evaluate((brush) => parseFloat(brush.style.left));
    const was = await left();
    await page.keyboard.press("Shift+ArrowRight");
    assert.ok(await left() > was);
    await page.keyboard.press("Shift+ArrowLeft");
    await page.keyboard.press("-");
    await page.keyboard.press("0");
    assert.equal(await page.locator(".brush").isVisible(), false);
    assert.ok(Math.abs(await width() - fitted) < 1);
    await page.keyboard.press("f");
    assert.ok(await width() > fitted * 1.5);
    await page.keyboard.press("0");
    await page.keyboard.press("End");
    await page.keyboard.press("Home");
    assert.match(await chosen(page).textContent(), /^action plan_trip/);
    await page.keyboard.press("Escape");
    assert.equal(await page.locator("#panel").isVisible(), false);
    await page.keyboard.press("?");
    await page.getByRole("dialog").getByText("next failure").waitFor();
    await shot(page, "help");
    await page.keyboard.press("Escape");
    await page.keyboard.press("/");
    await page.keyboard.type("plan");
    await page.locator(".told", { hasText: " of " }).waitFor();
  }));

  it("zooms by wheel, by dragging over the strip and by dragging a lane", async () => visit(`/sessions/${ids[30]}`, async (page) => {
    await drawn(page);
    const strip = await page.locator(".minimap").boundingBox();
    await page.mouse.move(strip.x + strip.width * 0.25, strip.y + 20);
    await page.mouse.down();
    await page.mouse.move(strip.x + strip.width * 0.5, strip.y + 20, { steps: 4 });
    await page.mouse.up();
    const brush = () => page.locator(".brush").evaluate((brush) => [parseFloat(brush.style.left), parseFloat(brush.style.width)]);
    const [left, width] = await brush();
    assert.ok(Math.abs(left - 25) < 1 && Math.abs(width - 25) < 1, `${left} ${width}`);
    const lane = await page.locator(".row:not([hidden]) .lane").nth(1).boundingBox();
    await page.mouse.move(lane.x + lane.width / 2, lane.y + 14);
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, -200);
    await page.keyboard.up("Control");
    await until(async () => (await brush())[1] < width, true, "narrower");
    const [from] = await brush();
    await page.mouse.down();
    await page.mouse.move(lane.x + lane.width / 2 - 80, lane.y + 14, { steps: 4 });
    await page.mouse.up();
    await until(async () => (await brush())[0] > from, true, "moved");
    await page.locator(".minimap").dblclick();
    await until(() => page.locator(".brush").isVisible(), false, "all of it");
    for (const name of ["Zoom in (+)", "Later (Shift+Right)", "Earlier (Shift+Left)", "Zoom out (-)", "Fit: All of it (0)"]) await page.getByRole("button", { name }).click();
  }));

  it("finds failures, and jumps from an error to what failed and back", async () => {
    const id = await failing();
    await visit(`/sessions/${id}`, async (page) => {
      await drawn(page);
      await page.keyboard.press("e");
      await until(() => page.getByRole("button", { name: "Failures" }).getAttribute("aria-pressed"), "true", "pressed");
      await page.keyboard.press("e");
      await page.getByRole("button", { name: "Errors" }).click();
      await page.locator(".row.k-errors").first().click();
      await panel(page, "Caused by");
      await shot(page, "error");
      await page.getByText("Go to what failed").click();
      await until(() => chosen(page).getAttribute("class").then((name) => name.includes("k-tools")), true, "a tool");
      await panel(page, "Arguments");
      await page.locator("#panel a.jump").first().click();
      await until(() => chosen(page).getAttribute("class").then((name) => name.includes("k-errors")), true, "the error");
      await page.keyboard.press("Escape");
      await page.keyboard.press("n");
      await until(() => chosen(page).count(), 1, "next failure");
      await page.keyboard.press("p");
    });
  });

  it("tells kinds and outcomes apart by colour, shape and word", () => visit("/sessions/outcomes", async (page) => {
    await drawn(page);
    await shot(page, "outcomes");
    const looks = await page.locator(".row:not([hidden])").evaluateAll((rows) => rows.map((row) => {
      const bar = getComputedStyle(row.querySelector(".bar"));
      const glyph = getComputedStyle(row.querySelector(".glyph"));
      return [row.className, `${bar.backgroundImage} ${bar.borderStyle} ${bar.borderInlineEndWidth}`, `${glyph.backgroundColor} ${glyph.clipPath} ${glyph.borderRadius}`, row.querySelector(".outcome")?.textContent ?? "ok"];
    }));
    const of = (kind, outcome) => looks.find(([name]) => name.includes(`k-${kind}`) && name.includes(`ended-${outcome}`));
    const outcomesSeen = ["ok", "error", "panicked", "cancelled", "running", "interrupted"];
    const bars = outcomesSeen.map((outcome) => of("actions", outcome)[1]);
    assert.equal(new Set(bars).size, outcomesSeen.length, bars.join("\n"));
    for (const outcome of outcomesSeen.slice(1)) assert.equal(of("actions", outcome)[3].trim(), outcome);
    assert.equal(new Set(["actions", "llms", "tools"].map((kind) => of(kind, "ok")[2])).size, 3);
  }));

  it("has buttons for kinds and agents, and values that fold, are searched and copied", async () => {
    const { page, complaints, context } = await tab(chrome, server.url, { permissions: ["clipboard-read", "clipboard-write"] });
    await page.goto(`${server.url}/sessions/${ids[30]}`);
    await drawn(page);
    for (const kind of ["Actions", "LLM", "Tools", "Errors"]) {
      await page.getByRole("button", { name: kind, exact: true }).click();
      await page.locator(".told", { hasText: " of " }).waitFor();
      await page.getByRole("button", { name: kind, exact: true }).click();
    }
    await page.getByLabel("Agent", { exact: true }).selectOption("researcher");
    await page.locator(".told", { hasText: " of " }).waitFor();
    await page.getByLabel("Agent", { exact: true }).selectOption("");
    await page.getByRole("button", { name: "Tools", exact: true }).click();
    await page.locator(".row.k-tools").first().click();
    await panel(page, "Arguments");
    const value = page.locator("[data-value]").first();
    await value.getByRole("searchbox").fill("since");
    await value.locator(".hit", { hasText: "since" }).waitFor();
    await value.getByRole("button", { name: "Copy" }).click();
    assert.deepEqual(JSON.parse(await page.evaluate(() => navigator.clipboard.readText())).limit, 3);
    await value.getByRole("button", { name: /Unfold|Fold/ }).click();
    await page.getByRole("button", { name: "Copy id" }).first().click();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), ids[30]);
    assert.deepEqual(complaints, []);
    await context.close();
  });

  it("goes on by itself while a program records, and nothing closes under the reader", async () => {
    const now = Date.now() * 1000;
    const session = await server.client.session({ id: "live", init_timestamp: iso(now) });
    await session.events([{ id: "a", event_type: "actions", action_type: "long work", params: { deep: { er: 1 } }, init_timestamp: iso(now) }]);
    await visit("/sessions/live", async (page) => {
      await drawn(page);
      await page.keyboard.press("j");
      await panel(page, "Arguments");
      const width = () => page.locator(".row:not([hidden]) .took").first().innerText();
      const first = await width();
      await until(async () => await width() !== first, true, "a running call grows");
      for (let step = 0; step < 3; step++) {
        await session.events([{ id: `t${step}`, parent_id: "a", event_type: "tools", name: `step ${step}`, init_timestamp: iso(now + step * 1e5), end_timestamp: iso(now + step * 1e5 + 9e4) }]);
        await page.locator(".row", { hasText: `step ${step}` }).waitFor();
      }
      assert.match(await chosen(page).textContent(), /long work/);
      await session.update([{ id: "a", end_timestamp: iso(now + 5e5) }]);
      await session.change({ end_state: "Success", end_timestamp: iso(now + 6e5) });
      await page.locator("h1 + .badge", { hasText: "Success" }).waitFor();
      await until(() => page.locator(".row", { hasText: "long work" }).getAttribute("class").then((name) => name.includes("ended-ok")), true, "it ended");
    });
  });

  it(`draws ${LARGE} events at once and scrolls smoothly`, async () => {
    await large(server.client, "large", LARGE);
    await visit("/sessions/large", async (page) => {
      await drawn(page);
      const told = await page.evaluate(async () => {
        const begun = performance.now();
        const columns = await (await fetch("/sessions/large/outline.json")).json();
        const fetched = performance.now();
        const rows = document.querySelector(".rows");
        const steps = [];
        for (let step = 0; step < 60; step++) {
          const at = performance.now();
          rows.scrollTop = (step * 7919 * 28) % (rows.scrollHeight - rows.clientHeight);
          rows.dispatchEvent(new Event("scroll"));
          rows.getBoundingClientRect();
          steps.push(performance.now() - at);
        }
        steps.sort((a, b) => a - b);
        return { events: columns.id.length, fetch: fetched - begun, median: steps[30], worst: steps[59],
          ready: performance.getEntriesByName("agentops-drawn")[0]?.startTime, elements: document.querySelectorAll(".row").length };
      });
      assert.equal(told.events, LARGE);
      assert.ok(told.elements < 200, `${told.elements} rows exist`);
      console.log(`${LARGE} events: drawn ${Math.round(told.ready)} ms after the page began, outline ${Math.round(told.fetch)} ms, scroll step median ${told.median.toFixed(1)} ms, worst ${told.worst.toFixed(1)} ms`);
      await page.keyboard.press("End");
      await until(() => chosen(page).count(), 1, "the last row");
      await shot(page, "large");
    });
  });
});

describe("the tabs of a session", () => {
  const TABS = [["1", "Timeline", ".waterfall"], ["2", "Chat", ".turn"], ["3", "Errors", "#tab"], ["4", "Agents", "#tab table"], ["5", "Graphs", ".flame"], ["6", "Logs", ".log"], ["7", "Raw", ".json"]];

  it("open by key, each with what it promises", () => visit(`/sessions/${ids[36]}`, async (page) => {
    for (const [key, name, holds] of TABS) {
      await page.keyboard.press(key);
      await page.locator(".tabs [aria-current]", { hasText: name }).waitFor();
      await page.locator(holds).first().waitFor();
      await shot(page, `tab-${name.toLowerCase()}`);
    }
  }));

  it("lead to each other", async () => {
    const id = await failing();
    await visit(`/sessions/${id}?tab=errors`, async (page) => {
      await page.getByText("Go to what failed").first().click();
      await panel(page, "Arguments");
      await page.goto(`${server.url}/sessions/${id}?tab=agents`);
      await page.getByRole("link", { name: "Researcher" }).click();
      await page.locator(".told", { hasText: " of " }).waitFor();
      await page.goto(`${server.url}/sessions/${id}?tab=graphs`);
      await page.locator(".flame a").first().click();
      await panel(page, "Duration");
      await page.goto(`${server.url}/sessions/${id}?tab=chat`);
      await page.locator(".turn h2 a").first().click();
      await panel(page, "Conversation");
    });
  });

  it("give the session as one file that opens anywhere", async () => {
    const id = await failing();
    const path = join(server.home, "session.html");
    const { page, complaints, context } = await tab(chrome, server.url);
    await page.goto(`${server.url}/sessions/${id}?tab=raw`);
    const got = page.waitForEvent("download");
    await page.getByText("One page, for a bug report").click();
    await writeFile(path, await readFile(await (await got).path()));
    const asked = complaints.length;
    await page.goto(pathToFileURL(path).href);
    await drawn(page);
    await page.keyboard.press("j");
    await panel(page, "Arguments");
    await page.keyboard.press("n");
    await until(() => chosen(page).count(), 1, "a failure");
    await shot(page, "offline");
    assert.deepEqual(complaints.slice(asked).filter((said) => said !== `request: ${pathToFileURL(path).href}`), []);
    await context.close();
  });
});

describe("pages over all sessions", () => {
  it("the overview sums up, and each figure leads to what is behind it", () => visit("/overview", async (page) => {
    await shot(page, "overview");
    for (const range of ["Day", "Week", "90 days", "30 days"]) {
      await page.getByRole("link", { name: range, exact: true }).click();
      await page.locator(".ranges [aria-current]", { hasText: range }).waitFor();
    }
    const links = await page.locator("#overview a").evaluateAll((links) => [...new Set(links.map((link) => link.getAttribute("href")))]);
    assert.ok(links.length > 60, `${links.length}`);
    for (const link of links) {
      const status = await page.evaluate((link) => fetch(link).then((answer) => answer.status), link);
      assert.equal(status, 200, link);
    }
    await page.locator(".ring a", { hasText: "Fail" }).click();
    await page.waitForURL(/end_state=Fail/);
    assert.ok(await rows(page) > 0);
    await page.goBack();
    await page.locator(".columns-chart a").last().click();
    await page.waitForURL(/from=.*to=/);
    assert.ok(await rows(page) > 0);
  }));

  it("events are found by kind, name, failure and words", () => visit("/events", async (page) => {
    assert.equal(await rows(page), 50);
    await page.getByLabel("Kind").selectOption("llms");
    await page.waitForURL(/kind=llms/);
    await page.getByLabel("Name").fill("gpt-4o");
    await page.getByLabel("Name").press("Enter");
    await page.waitForURL(/name=gpt-4o/);
    assert.equal(await page.locator(".name").filter({ hasNotText: "gpt-4o" }).count(), 0);
    await page.goto(`${server.url}/events?kind=tools&failed=true`);
    assert.ok(await rows(page) > 3);
    await shot(page, "events");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await panel(page, "Arguments");
    await page.goto(`${server.url}/events`);
    await page.getByLabel("Words").fill("deadline elapsed");
    await page.getByLabel("Words").press("Enter");
    await until(async () => { await page.reload(); return await rows(page) > 0; }, true, "the search finds");
  }));

  it("two sessions are compared", () => visit(`/compare?a=${ids[3]}&b=${ids[4]}`, async (page) => {
    await page.getByText("They part here").waitFor();
    await page.getByRole("link", { name: "Go to where they part" }).click();
    await page.waitForURL(/#row-/);
    await shot(page, "compare");
    const differing = () => page.locator(".compared li:not(.same)").count();
    const all = await differing();
    assert.ok(all > 3, `${all}`);
    await page.getByText("Show only what differs").click();
    await page.waitForURL(/changed=1/);
    assert.equal(await differing(), all);
    await page.goto(`${server.url}/compare?a=${ids[3]}&b=${ids[3]}`);
    await page.getByText("Both did the same").waitFor();
  }));

  it("keys lead everywhere", () => visit("/", async (page) => {
    for (const [key, path] of [["o", "/overview"], ["e", "/events"], ["c", "/compare"], ["p", "/projects"], ["s", "/"]]) {
      await page.keyboard.press("g");
      await page.keyboard.press(key);
      await page.waitForURL(server.url + path);
    }
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await drawn(page);
  }));

  it("projects and keys are made, switched and revoked, and a link logs in", async () => {
    const fresh = await serve();
    const { page, complaints, context } = await tab(chrome, fresh.url);
    try {
      await page.goto(`${fresh.url}/projects`);
      await page.getByLabel("New project").fill("second");
      await page.getByRole("button", { name: "Create" }).click();
      await page.locator(".project", { hasText: "second" }).waitFor();
      await page.getByRole("button", { name: "Make a key" }).click();
      const key = /AGENTOPS_API_KEY=([0-9a-f-]{36})/.exec(await page.locator(".notice pre").innerText())[1];
      const made = await fresh.client.send("POST", "/v2/create_session", { session: { id: "by key" } }, { "x-agentops-api-key": key });
      assert.equal(made.status, "Success");
      await shot(page, "projects");
      await page.goto(`${fresh.url}/`);
      await page.locator("[data-row='by key']").waitFor();
      await page.goto(`${fresh.url}/projects`);
      await page.getByText("Revoke…").click();
      await page.getByRole("button", { name: "Revoke for good" }).click();
      await page.getByText("revoked 2").waitFor();
      await assert.rejects(fresh.client.send("POST", "/v2/create_session", { session: { id: "too late" } }, { "x-agentops-api-key": key }), /401/);
      await page.getByRole("button", { name: "Switch to it" }).click();
      await page.locator(".project", { hasText: "default" }).waitFor();
      await page.goto(`${fresh.url}/projects`);
      await page.getByRole("button", { name: "Log out of all" }).click();
      const link = (await cli(fresh, ["login", "--data-dir", fresh.data, "--project", "second"])).split("\n")[0].trim();
      await page.goto(link);
      await page.getByRole("button", { name: "Log in" }).click();
      await page.locator(".project", { hasText: "second" }).waitFor();
      assert.deepEqual(complaints, []);
    } finally {
      await context.close();
      await fresh.stop();
    }
  });
});

describe("whatever was recorded", () => {
  it("runs nothing, loads nothing, and stays usable", () => visit("/", async (page) => {
    const evil = encodeURIComponent(EVIL);
    const paths = ["/", "/events", "/overview", "/sessions/hostile", `/sessions/hostile?event=${evil}`, "/sessions/hostile?event=chat", "/sessions/hostile?event=big",
      "/sessions/hostile?event=shot", "/sessions/hostile?event=svg", "/sessions/hostile?event=err", "/sessions/hostile?event=text",
      ...["chat", "errors", "agents", "graphs", "logs", "raw"].map((name) => `/sessions/hostile?tab=${name}`),
      "/compare?a=hostile&b=hostile", `/compare?a=hostile&b=${ids[1]}`, `/?tag=${evil}`, `/events?name=${evil}`, `/?text=${evil}`];
    for (const path of paths) {
      await page.goto(server.url + path);
      if (path.startsWith("/sessions/") && !path.includes("tab=")) await drawn(page);
      const told = await page.evaluate(() => ({ hacked: window.hacked, wide: document.documentElement.scrollWidth - innerWidth,
        foreign: document.querySelectorAll("iframe, object, embed, #main script, img:not([src^='/']):not([src^='data:image/png']):not([src^='data:image/jpeg'])").length,
        bad: [...document.querySelectorAll("a[href]")].map((link) => new URL(link.getAttribute("href"), location.href).protocol).filter((protocol) => !["http:", "https:", "mailto:"].includes(protocol)),
        turned: /[\u202a-\u202e\u2066-\u2069\u001b]/.test(document.body.innerText) }));
      assert.equal(told.hacked, undefined, path);
      assert.equal(told.foreign, 0, path);
      assert.deepEqual(told.bad, [], path);
      assert.equal(told.turned, false, path);
      assert.ok(told.wide <= 0, `${path}: ${told.wide} too wide`);
    }
    await page.goto(`${server.url}/sessions/hostile`);
    await drawn(page);
    await page.keyboard.press("j");
    await panel(page, "Arguments");
    for (let step = 0; step < 6; step++) await page.keyboard.press("j");
    await shot(page, "hostile");
    await page.keyboard.press("2");
    await page.locator(".turn").first().waitFor();
  }));
});

describe("everybody", () => {
  const pages = () => ({ sessions: "/", overview: "/overview", events: "/events", compare: `/compare?a=${ids[3]}&b=${ids[4]}`, projects: "/projects", login: "/login",
    session: `/sessions/${ids[36]}?event=e-0003`, outcomes: "/sessions/outcomes?event=e-error", gone: "/sessions/nobody",
    ...Object.fromEntries(["chat", "errors", "agents", "graphs", "logs", "raw"].map((name) => [`session-${name}`, `/sessions/${ids[36]}?tab=${name}`])) });

  for (const colorScheme of ["light", "dark"]) {
    it(`axe finds no serious fault in ${colorScheme}`, async () => {
      const { page, context } = await tab(chrome, server.url, { colorScheme, reducedMotion: "reduce" });
      for (const [name, path] of Object.entries(pages())) {
        await page.goto(server.url + path);
        if (path.includes("event=")) await panel(page, "Began");
        await page.evaluate(`${AXE};0`).catch(async () => page.addScriptTag({ content: AXE }));
        const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
        const serious = found.violations.filter((violation) => ["serious", "critical"].includes(violation.impact))
          .map((violation) => `${violation.id}: ${violation.nodes.slice(0, 4).map((node) => `${node.target} ${node.any[0]?.message ?? ""}`).join("; ")}`);
        assert.deepEqual(serious, [], `${name} ${colorScheme}`);
        await shot(page, `${colorScheme}-${name}`);
      }
      await context.close();
    });
  }

  it("has room at 375 pixels", async () => {
    const { page, complaints, context } = await tab(chrome, server.url, { viewport: { width: 375, height: 740 }, isMobile: true, hasTouch: true });
    for (const [name, path] of Object.entries(pages())) {
      await page.goto(server.url + path);
      if (path.includes("event=")) await panel(page, "Began");
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= 375, `${name}: ${wide}`);
      await shot(page, `phone-${name}`);
    }
    await page.goto(`${server.url}/sessions/${ids[36]}`);
    await drawn(page);
    await page.locator(".row:not([hidden])").nth(2).tap();
    await panel(page, "Conversation");
    await page.getByLabel("Close the panel").tap();
    await until(() => page.locator("#panel").isVisible(), false, "closed");
    assert.deepEqual(complaints.filter((said) => !said.includes("404")), []);
    await context.close();
  });

  it("can read without scripts", () => visit(`/sessions/${ids[36]}?event=e-0003`, async (page) => {
    await panel(page, "Conversation");
    assert.ok(await page.locator(".events li").count() > 5);
    await page.locator(".events a").first().click();
    await panel(page, "Arguments");
    for (const tab of ["Chat", "Graphs", "Raw"]) await page.locator(".tabs a", { hasText: tab }).click();
    await page.locator(".places a", { hasText: "Sessions" }).click();
    await page.getByLabel("End state").selectOption("Fail");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.waitForURL(/end_state=Fail/);
    await shot(page, "plain");
  }, { javaScriptEnabled: false }));
});
