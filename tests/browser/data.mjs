// Sessions for the pages to show, sent over REST as any client would: a project that was busy for
// weeks, a session that means harm, and one that is large.

const KEY = "00000000-0000-4000-8000-000000000000";

/** Sends to a server; `time` counts microseconds since 1970. */
export class Client {
  constructor(url) { this.url = url; }

  async send(method, path, body, headers) {
    const answer = await fetch(this.url + path, {
      method, body: JSON.stringify(body), headers: { "content-type": "application/json", ...headers },
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  async session(session) {
    const made = await this.send("POST", "/v2/create_session", { session }, { "x-agentops-api-key": KEY });
    const headers = { authorization: `Bearer ${made.jwt}` };
    return {
      id: session.id,
      events: (events) => this.send("POST", "/v2/create_events", { events }, headers),
      update: (events) => this.send("POST", "/v2/update_events", { events }, headers),
      agent: (agent) => this.send("POST", "/v2/create_agent", agent, headers),
      change: (change) => this.send("POST", "/v2/update_session", { session: { id: session.id, ...change } }, headers),
      logs: (logs) => this.send("PUT", "/v2/update_logs", { logs }, headers),
    };
  }
}

/** The same numbers at every run. */
export function dice(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export const iso = (micros) => new Date(Math.floor(micros / 1000)).toISOString().replace("Z", String(Math.floor(micros % 1000)).padStart(3, "0") + "Z");

const HOST = {
  SDK: { "AgentOps SDK Version": "0.1.0", "AgentOps SDK Language": "rust" },
  OS: { Hostname: "build-7", OS: "Debian GNU/Linux", "OS Release": "6.1.0", Architecture: "x86_64" },
  "Project Working Directory": { "Project Working Directory": "/srv/research-agent" },
};
const GOALS = ["answer_question", "research_topic", "triage_ticket", "write_summary", "review_change", "plan_trip"];
const TOOLS = ["web_search", "fetch_page", "read_file", "sql_query", "send_mail", "calculator"];
const MODELS = [["gpt-4o", 3], ["gpt-4o-mini", 4], ["claude-3-5-sonnet-20241022", 3], ["local-llama", 1]];
const FAILURES = [["TimeoutError", "the page did not answer within 10 s"], ["HttpError", "503 Service Unavailable"], ["ParseError", "expected a number, found \"n/a\""]];
const REASONS = ["TimeoutError: the page did not answer within 10 s", "exit code 3", "budget of $0.50 used up", "panicked at src/plan.rs:88"];

/** Events of one run, nested as an agent nests them. */
export function run(roll, start, { goal, failing = false, running = false, steps = 4, prefix = "e" }) {
  const events = [];
  let made = 0;
  const id = () => `${prefix}-${String(++made).padStart(4, "0")}`;
  const pick = (list) => list[Math.floor(roll() * list.length)];
  const model = () => {
    const all = MODELS.flatMap(([name, weight]) => Array(weight).fill(name));
    return pick(all);
  };
  let now = start;
  const root = id();
  const agents = ["planner", "researcher", "writer"];
  const history = [{ role: "system", content: "You are a careful research assistant. Name your sources." },
    { role: "user", content: `Please **${goal.replace("_", " ")}**: which of our documents say how events survive a crash?` }];
  const children = [];
  for (let step = 0; step < steps; step++) {
    const action = id();
    const began = now;
    const agent = agents[step % agents.length];
    now += 2000 + roll() * 30000;
    const parts = [];
    const llm = id();
    const llmStart = now;
    now += 400000 + roll() * 2600000;
    const answer = { role: "assistant", content: `Step ${step + 1}: I will look at the *spool* first.\n\n- what is written\n- what is acknowledged\n\n\`\`\`rust\nlet session = agentops::init(config);\n\`\`\``,
      tool_calls: [{ id: "call_1", type: "function", function: { name: pick(TOOLS), arguments: JSON.stringify({ query: "how events survive", limit: 3 + step }) } }] };
    parts.push({ id: llm, event_type: "llms", parent_id: action, agent_id: agent, model: model(), prompt: [...history], completion: answer,
      prompt_tokens: 600 + Math.floor(roll() * 2400) + step * 500, completion_tokens: 80 + Math.floor(roll() * 500), cached_read_tokens: step ? 512 : 0,
      init_timestamp: iso(llmStart), end_timestamp: iso(now), time_to_first_token: 180000 + Math.floor(roll() * 300000) });
    history.push(answer);
    const calls = 1 + Math.floor(roll() * 3);
    for (let call = 0; call < calls; call++) {
      const tool = id();
      const toolStart = now + call * 8000;
      const took = 30000 + roll() * 900000;
      const breaks = failing && step === steps - 1 && call === 0;
      const cancelled = !breaks && roll() < 0.04;
      parts.push({ id: tool, event_type: "tools", parent_id: action, agent_id: agent, name: pick(TOOLS),
        params: { query: "how events survive", limit: 3, filters: { since: "2024-01-01", kinds: ["doc", "issue"] } },
        returns: breaks || cancelled ? null : { hits: [{ title: "Spool", score: 0.92, ok: true }, { title: "Recovery", score: 0.71, ok: null }] },
        status: breaks ? "error" : cancelled ? "cancelled" : "ok",
        init_timestamp: iso(toolStart), end_timestamp: iso(toolStart + took) });
      if (breaks) {
        const [type, message] = pick(FAILURES);
        parts.push({ id: id(), event_type: "errors", parent_id: tool, agent_id: agent, trigger_event_id: tool, trigger_event_type: "tools", error_type: type,
          details: { message, chain: ["error sending request", "connection timed out", "deadline has elapsed"], location: "src/tools/fetch.rs:41:9" }, timestamp: iso(toolStart + took) });
      }
      now = Math.max(now, toolStart + took);
    }
    now += 1000;
    children.push({ id: action, event_type: "actions", parent_id: root, agent_id: agent, action_type: ["plan", "search", "read", "write"][step % 4],
      params: { goal, step }, returns: running && step === steps - 1 ? null : { done: true },
      status: running && step === steps - 1 ? "running" : failing && step === steps - 1 ? "error" : "ok",
      init_timestamp: iso(began), end_timestamp: running && step === steps - 1 ? null : iso(now) }, ...parts);
  }
  events.push({ id: root, event_type: "actions", action_type: goal, agent_id: agents[0], params: { goal, budget_usd: 0.5 }, returns: running ? null : { words: 214 },
    status: running ? "running" : failing ? "error" : "ok", init_timestamp: iso(start), end_timestamp: running ? null : iso(now) }, ...children);
  return { events, end: now };
}

/** A project that was busy for `days` before `now`. */
export async function busy(client, { sessions = 60, days = 21, now = Date.now() * 1000, seed = 7 } = {}) {
  const roll = dice(seed);
  const ids = [];
  for (let index = 0; index < sessions; index++) {
    const age = ((sessions - index) / sessions) * days * 86400e6;
    const start = now - age + roll() * 3600e6 - 7200e6;
    const failing = roll() < 0.22;
    const running = index >= sessions - 2;
    const goal = GOALS[Math.floor(roll() * GOALS.length)];
    const id = `5e551000-0000-4000-8000-${String(index).padStart(12, "0")}`;
    const begin = running ? now - 40e6 : start;
    const session = await client.session({ id, init_timestamp: iso(begin), tags: [["prod", "staging", "nightly"][index % 3], `v${2 + (index % 2)}`], host_env: HOST });
    for (const name of ["planner", "researcher", "writer"]) await session.agent({ id: name, name: name[0].toUpperCase() + name.slice(1) });
    const { events, end } = run(roll, begin + 5000, { goal, failing, running, steps: 2 + Math.floor(roll() * 4) });
    await session.events(events);
    if (!running) {
      const state = failing ? "Fail" : roll() < 0.08 ? "Indeterminate" : "Success";
      await session.change({ end_timestamp: iso(end + 3000), end_state: state, end_state_reason: failing ? REASONS[Math.floor(roll() * REASONS.length)] : null,
        ...(index % 17 === 3 ? { dropped: { memory_full: 12 } } : {}) });
      if (index % 9 === 0) await session.logs(`INFO start ${goal}\nWARN slow page\nINFO done\n`);
    }
    ids.push(id);
  }
  return ids;
}

/** Every kind with every outcome, in one session. */
export async function outcomes(client, id, now = Date.now() * 1000) {
  const session = await client.session({ id, init_timestamp: iso(now - 60e6), tags: ["outcomes"], host_env: HOST, video: "https://videos.example/run.mp4" });
  const events = [];
  const states = ["ok", "error", "panicked", "cancelled", "running", "interrupted"];
  states.forEach((status, at) => {
    const begin = now - 50e6 + at * 6e6;
    const end = status === "running" || status === "interrupted" ? null : iso(begin + 5e6);
    events.push({ id: `a-${status}`, event_type: "actions", action_type: `act ${status}`, status, init_timestamp: iso(begin), end_timestamp: end, params: { status } });
    events.push({ id: `l-${status}`, parent_id: `a-${status}`, event_type: "llms", model: "gpt-4o", prompt: "hello", completion: "there", prompt_tokens: 5, completion_tokens: 3, status, init_timestamp: iso(begin + 1e6), end_timestamp: end && iso(begin + 3e6) });
    events.push({ id: `t-${status}`, parent_id: `a-${status}`, event_type: "tools", name: `tool ${status}`, status, init_timestamp: iso(begin + 3e6), end_timestamp: end && iso(begin + 4e6) });
  });
  for (const status of ["error", "panicked"]) {
    events.push({ id: `e-${status}`, event_type: "errors", parent_id: `t-${status}`, trigger_event_id: `t-${status}`, error_type: status === "error" ? "HttpError" : "panic",
      details: { message: `it ${status}`, chain: ["because of this", "and of that"], location: "src/lib.rs:7:3" }, timestamp: iso(now - 20e6) });
  }
  await session.events(events);
  return session;
}

export const EVIL = "<img src=x onerror=\"window.hacked=1\">\"'></pre></template><script>window.hacked=2</script>\u202egpj.exe\u001b[31m\u0007";

/** Whatever a page could be tricked with. */
export async function hostile(client, id, now = Date.now() * 1000) {
  const big = `${EVIL} ${"x".repeat(1 << 20)}`;
  const session = await client.session({
    id, init_timestamp: iso(now - 5e6), host_env: { [EVIL]: EVIL, OS: { Hostname: EVIL } }, video: "javascript:window.hacked=3",
    tags: [EVIL, ...Array.from({ length: 499 }, (_, at) => `tag ${at} ${EVIL}`)],
  });
  const markdown = `[click](javascript:window.hacked=4) ![pixel](http://evil.example/pixel.png) <iframe src="http://evil.example"></iframe>\n\n[vb](vbscript:x) [data](data:text/html,<script>window.hacked=5</script>)\n\n${EVIL}`;
  let deep = `"${"bottom"}"`;
  for (let level = 0; level < 90; level++) deep = level % 2 ? `{"a":${deep}}` : `[${deep}]`;
  await session.agent({ id: EVIL, name: EVIL, logs: EVIL });
  await session.events([
    { id: EVIL, event_type: "actions", action_type: EVIL, agent_id: EVIL, params: { [EVIL]: EVIL, __proto__x: 1 }, returns: JSON.parse(deep), logs: EVIL, screenshot: "javascript:window.hacked=6", init_timestamp: iso(now - 4e6), end_timestamp: iso(now - 1e6), status: EVIL },
    { id: "chat", parent_id: EVIL, event_type: "llms", model: EVIL, prompt: [{ role: EVIL, content: markdown }, { role: "user", content: [{ type: EVIL, text: EVIL }, { type: "image_url", image_url: { url: "http://evil.example/x.png" } }] }], completion: { role: "assistant", content: markdown, tool_calls: [{ function: { name: EVIL, arguments: EVIL } }] }, init_timestamp: iso(now - 3e6), end_timestamp: iso(now - 2e6) },
    { id: "big", parent_id: EVIL, event_type: "tools", name: big.slice(0, 4000), params: { big }, returns: big, init_timestamp: iso(now - 3e6), end_timestamp: iso(now - 2e6) },
    { id: "shot", event_type: "actions", action_type: "shot", screenshot: "http://evil.example/shot.png", init_timestamp: iso(now - 3e6), end_timestamp: iso(now - 2e6) },
    { id: "svg", event_type: "actions", action_type: "svg", screenshot: "data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+", init_timestamp: iso(now - 3e6), end_timestamp: iso(now - 2e6) },
    { id: "err", event_type: "errors", error_type: EVIL, code: EVIL, trigger_event_id: EVIL, details: { message: EVIL, chain: [EVIL, EVIL], location: EVIL }, timestamp: iso(now - 2e6) },
    { id: "text", event_type: "errors", error_type: "text", details: EVIL, trigger_event_id: "nobody", timestamp: iso(now - 2e6) },
  ]);
  await session.logs(EVIL);
  await session.change({ end_timestamp: iso(now), end_state: "Fail", end_state_reason: EVIL });
  return session;
}

/** A session of many events. */
export async function large(client, id, count, now = Date.now() * 1000) {
  const session = await client.session({ id, init_timestamp: iso(now - 600e6), tags: ["large"] });
  const roll = dice(3);
  const kinds = ["actions", "tools", "llms"];
  for (let from = 0; from < count; from += 5000) {
    const events = [];
    for (let at = from; at < Math.min(count, from + 5000); at++) {
      const kind = at % 10 === 0 ? "actions" : kinds[at % 3];
      const begin = now - 600e6 + (at / count) * 590e6;
      const fails = at % 997 === 5;
      events.push({ id: `n-${String(at).padStart(6, "0")}`, parent_id: at % 10 === 0 ? (at % 100 === 0 ? null : `n-${String(at - (at % 100)).padStart(6, "0")}`) : `n-${String(at - (at % 10)).padStart(6, "0")}`,
        event_type: kind, [kind === "actions" ? "action_type" : kind === "tools" ? "name" : "model"]: kind === "llms" ? "gpt-4o-mini" : `${kind} ${at % 40}`,
        ...(kind === "llms" ? { prompt: "q", completion: "a", prompt_tokens: 10, completion_tokens: 5 } : { params: { at } }),
        status: fails ? "error" : "ok", init_timestamp: iso(begin), end_timestamp: iso(begin + 2000 + roll() * 90000) });
    }
    await session.events(events);
  }
  await session.change({ end_timestamp: iso(now), end_state: "Success" });
  return session;
}
