// Checks what `p0 audit export` and `p0 audit archive` wrote, without p0: only Node's own parts.
//
//   node tools/verify-audit.mjs [--checkpoint KEPT] EXPORT [ARCHIVE...]     or archives alone
//
// Hashes of events, their chains, the checkpoints' roots, chain and signatures, what each sealed, and, given a checkpoint
// that was kept elsewhere (`p0 audit checkpoint --out KEPT`), that it is still covered. Says what is wrong, one line each,
// and ends with 1. docs/audit.md says what the lines mean.
import { createHash, createPublicKey, verify } from "node:crypto";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const files = process.argv.slice(2);
const flag = files.indexOf("--checkpoint");
const keptFile = flag < 0 ? null : files.splice(flag, 2)[1];
const stop = (why) => { console.error(why); process.exit(2); };
if (files.length === 0 || keptFile === undefined || files.some((file) => file.startsWith("-"))) {
  stop("say: node verify-audit.mjs [--checkpoint KEPT] EXPORT [ARCHIVE...]");
}
for (const file of keptFile === null ? files : [keptFile, ...files]) {
  if (!existsSync(file)) stop(`${file}: there is no such file`);
}
if (new Set(files).size < files.length) stop("one file is named twice; name each once");

let wrong = 0;
const find = (text) => { wrong += 1; console.log(text); };
const some = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
const sha = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
const hex = (text) => sha(text).toString("hex");

// The formats, as docs/audit.md has them.
const eventHash = (e) => hex([e.previous, e.stream, e.seq, e.at, e.actor, e.what, e.body].join("\n"));
const checkpointText = (c) => ["p0 checkpoint", c.number, c.at, c.root, c.previous].join("\n");
const root = (leaves) => {
  const tree = (hashes) => {
    if (hashes.length <= 1) return hashes[0] ?? sha("");
    let left = 1;
    while (left * 2 < hashes.length) left *= 2;
    return sha(Buffer.of(1), tree(hashes.slice(0, left)), tree(hashes.slice(left)));
  };
  return tree(leaves.map((l) => sha(Buffer.of(0), [l.stream, l.seq, l.head].join("\n")))).toString("hex");
};
const signed = (c, key) => {
  try {
    const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), Buffer.from(key, "hex")]); // RFC 8410
    const publicKey = createPublicKey({ key: der, format: "der", type: "spki" });
    return verify(null, Buffer.from(checkpointText(c)), publicKey, Buffer.from(c.signature, "hex"));
  } catch {
    return false;
  }
};

const checkpoints = new Map(); // number -> checkpoint with its leaves
const hashes = new Map(); // stream -> event number -> hash
const pieces = []; // a stream as one file has it: from one event to another
let key, whole = false, events = 0;

async function read(file) {
  const seen = { checkpoint: 0, stream: 0, event: 0 };
  let first = true, end = null, piece = null, number = 0;
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    number += 1;
    let line;
    try { line = JSON.parse(text); } catch {
      if (first) stop(`${file}: neither an export nor an archive of p0's record`);
      find(`${file}, line ${number}: it is not JSON`);
      continue;
    }
    if (first && line?.is !== "export" && line?.is !== "archive") stop(`${file}: neither an export nor an archive of p0's record`);
    if (first !== (line.is === "export" || line.is === "archive") || end) { find(`${file}, line ${number}: "${line.is}" does not belong here`); }
    first = false;
    if (line.is in seen) seen[line.is] += 1;
    switch (line.is) {
      case "export":
      case "archive":
        if (line.format !== 1) find(`${file}: its format is ${line.format}; this program knows 1`);
        if (key !== undefined && key !== line.key) find(`${file}: it is of another installation than the file before`);
        [key, whole] = [line.key, whole || line.is === "export"];
        break;
      case "checkpoint": {
        const known = checkpoints.get(line.number);
        if (known && checkpointText(known) !== checkpointText(line)) find(`checkpoint ${line.number}: two files differ in it`);
        checkpoints.set(line.number, line);
        break;
      }
      case "stream":
        piece = { ...line, last: line.archived, lastHash: null, before: null, broken: false };
        pieces.push(piece);
        if (!hashes.has(line.stream)) hashes.set(line.stream, new Map());
        break;
      case "event": {
        events += 1;
        if (piece?.stream !== line.stream) { find(`stream ${line.stream}, event ${line.seq}: it stands among those of another stream`); break; }
        let why = null;
        if (line.seq > piece.last + 1) why = "an event is missing before it";
        else if (line.seq < piece.last + 1) why = "it stands in the wrong place";
        else if (piece.lastHash !== null ? line.previous !== piece.lastHash : line.seq === 1 && line.previous !== "") why = "it does not follow the event before it";
        else if (eventHash(line) !== line.hash) why = "it was changed after it was written";
        if (why && !piece.broken) find(`stream ${line.stream}, event ${line.seq}: ${why}`); // the rest follows from the first
        piece.broken ||= why !== null;
        piece.before ??= line.previous;
        [piece.last, piece.lastHash] = [line.seq, line.hash];
        hashes.get(line.stream).set(line.seq, line.hash);
        break;
      }
      case "end":
        end = line;
        break;
      default:
        find(`${file}, line ${number}: nobody knows what "${line.is}" is`);
    }
  }
  if (!end) find(`${file}: its last line is missing: it was cut off`);
  else if (end.checkpoints !== seen.checkpoint || end.streams !== seen.stream || end.events !== seen.event)
    find(`${file}: it says that it has ${some(end.checkpoints, "checkpoint")}, ${some(end.streams, "stream")}, ${some(end.events, "event")}; it has ${seen.checkpoint}, ${seen.stream}, ${seen.event}`);
}
for (const file of files) await read(file);

// The checkpoints: one follows the other, signed, with the root of what they sealed.
const numbers = [...checkpoints.keys()].sort((a, b) => a - b);
const sealed = new Map(); // stream -> event number -> { number of the checkpoint, head }
let last = 0, previous = "";
for (const number of numbers) {
  const c = checkpoints.get(number);
  const gap = number !== last + 1;
  if (gap && whole) for (let n = last + 1; n < number; n += 1) find(`checkpoint ${n}: it is missing`);
  if (!gap && c.previous !== previous) find(`checkpoint ${number}: it does not follow checkpoint ${number - 1}`);
  if (!signed(c, key)) find(`checkpoint ${number}: its signature is not by this installation's key`);
  if (root(c.leaves) !== c.root) find(`checkpoint ${number}: its root is not that of what it sealed`);
  for (const { stream, seq, head } of c.leaves) {
    if (!sealed.has(stream)) sealed.set(stream, new Map());
    sealed.get(stream).set(seq, { number, head });
  }
  [last, previous] = [number, hex(checkpointText(c))];
}

// The streams: whole, joined where archived events were before them, and as they were sealed.
const ends = new Map(); // stream -> { up to where events are archived, the last event of all files }
let elsewhere = 0, loose = 0;
for (const piece of pieces) {
  const { stream, seq, head, archived } = piece;
  const joint = hashes.get(stream).get(archived) ?? sealed.get(stream)?.get(archived)?.head ?? "";
  if (archived > 0 && joint === "") find(`stream ${stream}: events up to ${archived} are said to be archived, but no checkpoint sealed event ${archived}`);
  else if (piece.before !== null && piece.before !== joint && !piece.broken) find(`stream ${stream}, event ${archived + 1}: it does not follow the event before it`);
  if (piece.last < seq) find(`stream ${stream}: it has ${seq} events by its head, but the last one here is ${piece.last}: what came after it was dropped`);
  else if ((piece.lastHash ?? joint) !== head) find(`stream ${stream}: its head is not the hash of its last event, ${seq}`);
  const end = ends.get(stream);
  ends.set(stream, { archived: Math.min(end?.archived ?? archived, archived), seq: Math.max(end?.seq ?? 0, seq) });
}
for (const [stream, leaves] of sealed) {
  const end = ends.get(stream);
  for (const [seq, { number, head }] of leaves) {
    const hash = hashes.get(stream)?.get(seq);
    if (hash !== undefined) {
      if (hash !== head) find(`stream ${stream}, event ${seq}: it is not the one that checkpoint ${number} sealed`);
    } else if (!end) {
      if (whole) find(`stream ${stream}: the whole stream is missing; checkpoint ${number} sealed its event ${seq}`);
    } else if (seq > end.archived && (whole || seq <= end.seq)) {
      find(`stream ${stream}, event ${seq}: it is missing; checkpoint ${number} sealed it`);
    }
  }
}
for (const [stream, { archived, seq }] of ends) {
  elsewhere += archived;
  const upTo = Math.max(0, ...(sealed.get(stream)?.keys() ?? []));
  if (!whole && upTo < seq) find(`stream ${stream}: no checkpoint here seals its last event, ${seq}`);
  loose += Math.max(0, seq - upTo);
}

if (keptFile) {
  let kept;
  try { kept = JSON.parse(readFileSync(keptFile, "utf8")); } catch { stop(`${keptFile}: not a checkpoint that p0 wrote`); }
  if (typeof kept?.hash !== "string") stop(`${keptFile}: not a checkpoint that p0 wrote`);
  const hash = hex(checkpointText(kept));
  const ours = checkpoints.get(kept.number);
  if (kept.hash !== hash || !signed(kept, kept.key)) find(`checkpoint ${kept.number}: the kept file is damaged; its hash or its signature does not fit what it says`);
  if (kept.key !== key) find(`checkpoint ${kept.number}: the kept file is signed with another key than this installation's`);
  if (ours && hex(checkpointText(ours)) !== hash) find(`checkpoint ${kept.number}: it is not the one that was kept`);
  if (!ours && kept.number > last) find(`checkpoint ${kept.number}: it was kept, but the record ends with checkpoint ${last}: what came after was cut off`);
  if (!ours && kept.number <= last && !whole) find(`checkpoint ${kept.number}: these archives do not need it, so it proves nothing here`);
}

if (keptFile && !wrong) console.log(`The checkpoint in ${keptFile} is covered.`);
console.log(`Checked ${some(events, "event")} in ${some(ends.size, "stream")}, and ${some(numbers.length, "checkpoint")}, by the key ${key}.`);
if (elsewhere) console.log(`Archived and in none of these files: ${some(elsewhere, "event")}. What was sealed of them is here.`);
if (loose) console.log(`Only chained so far, not sealed: ${some(loose, "event")}.`);
console.log(wrong ? `NOT as it was written: ${some(wrong, "thing")} found.` : "Everything is as it was written.");
process.exitCode = wrong ? 1 : 0;
