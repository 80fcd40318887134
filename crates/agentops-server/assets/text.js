// Numbers and times as people read them; the server's pages write them the same way.

/** @param {number} micros */
export function duration(micros) {
  if (micros < 1e3) return `${Math.round(micros)} µs`;
  if (micros < 1e6) return `${Math.floor(micros / 100) / 10} ms`;
  if (micros < 6e7) return `${(Math.floor(micros / 1e4) / 100).toFixed(2)} s`;
  const seconds = Math.floor(micros / 1e6);
  const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
}

/** @param {number} number */
export function count(number) {
  return number.toLocaleString("en");
}

/** How long ago a moment was, in milliseconds. @param {number} since */
export function ago(since) {
  const seconds = Math.round(since / 1000);
  if (seconds < 0) return "";
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  if (seconds < 86400 * 60) return `${Math.floor(seconds / 86400)} d ago`;
  return "";
}

/** Ticks of a ruler: round steps, about as many as wanted. @param {number} from @param {number} to @param {number} wanted */
export function ticks(from, to, wanted) {
  const rough = (to - from) / Math.max(wanted, 1);
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = [1, 2, 5, 10].map((part) => part * power).find((part) => part >= rough) ?? power * 10;
  const found = [];
  for (let at = Math.ceil(from / step) * step; at <= to && found.length < 100; at += step) found.push(at);
  return found;
}
