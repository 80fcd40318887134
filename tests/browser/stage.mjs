// The real server and a real Chromium, for the tests and for the screenshots.
import { spawn } from "node:child_process";
import { mkdtemp, rm, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";
import { Client } from "./data.mjs";

const ROOT = resolve(import.meta.dirname, "../..");
const EXECUTABLE = process.env.AGENTOPS_EXECUTABLE ?? join(ROOT, "target/debug/agentops");
export const PICTURES = join(ROOT, "target/screenshots");
/** How long anything may take before it counts as hanging, in milliseconds. */
export const PATIENCE = 20000;

/** A server with a data directory of its own. */
export async function serve(args = []) {
  const home = await mkdtemp(join(tmpdir(), "agentops-browser-"));
  const env = { PATH: process.env.PATH, HOME: home };
  const child = spawn(EXECUTABLE, ["serve", "--listen", "127.0.0.1:0", "--data-dir", join(home, "data"), ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const said = [];
  const url = await new Promise((found, failed) => {
    const timer = setTimeout(() => failed(new Error(`no server after ${PATIENCE} ms: ${said.join("")}`)), PATIENCE);
    const hear = (bytes) => {
      said.push(String(bytes));
      const match = /http:\/\/127\.0\.0\.1:\d+/.exec(said.join(""));
      if (match) { clearTimeout(timer); found(match[0]); }
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("exit", (code) => failed(new Error(`the server ended with ${code}: ${said.join("")}`)));
  });
  return {
    url, home, data: join(home, "data"), client: new Client(url), env,
    async stop() {
      child.removeAllListeners("exit");
      const gone = new Promise((done) => child.on("exit", done));
      child.kill("SIGTERM");
      await gone;
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** Runs the executable; its output. */
export function cli(server, args) {
  return new Promise((done, failed) => {
    const child = spawn(EXECUTABLE, args, { env: server.env, stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    child.stdout.on("data", (bytes) => { out += bytes; });
    child.stderr.on("data", (bytes) => { out += bytes; });
    child.on("exit", (code) => code === 0 ? done(out) : failed(new Error(`agentops ${args.join(" ")}: ${code}\n${out}`)));
  });
}

export async function browser() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const chrome = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  await mkdir(PICTURES, { recursive: true });
  return chrome;
}

/** A page that notes every complaint: of the console, of a script, and every request elsewhere. */
export async function tab(chrome, url, options = {}) {
  const context = await chrome.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "light", ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) complaints.push(`console: ${message.text()}`); });
  page.on("pageerror", (error) => complaints.push(`script: ${error.message}`));
  page.on("request", (request) => {
    const asked = request.url();
    if (!asked.startsWith(`${url}/`) && !asked.startsWith("data:") && !asked.startsWith("blob:")) complaints.push(`request: ${asked}`);
  });
  return { page, complaints, context };
}
