"""Slack payloads before three judges. Started by tools/check-blocks.

sdk    slack_sdk's models: the limits on lengths and counts, object by object
types  @slack/types under tsc: which fields there are, and which kinds of text stand where
rules  what both let through and Slack refuses, or what is poor manners in a message
"""
import copy, json, logging, os, re, subprocess, sys, tempfile, warnings
from pathlib import Path

warnings.simplefilter("ignore")
from slack_sdk.models.blocks import Block, BlockElement, ConfirmObject, Option, OptionGroup  # noqa: E402
from slack_sdk.models.views import View  # noqa: E402

KINDS = ("message", "modal", "home")
TYPES = Path(os.environ["P0_TOOLS_DIR"]) / "slack-types"


class Heard(logging.Handler):
    """slack_sdk logs what it does not know and goes on; here it counts."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.said = []

    def emit(self, record):
        self.said.append(record.getMessage().split(" (")[0])


HEARD = Heard()
logging.getLogger("slack_sdk").addHandler(HEARD)
logging.getLogger("slack_sdk").propagate = False


# --- every object of a payload, with its JSON pointer ----------------------------------------------------------------

def objects(value, pointer="", key=None):
    if isinstance(value, dict):
        yield pointer, key, value
        for name, inner in value.items():
            if name not in ("metadata", "state"):
                yield from objects(inner, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}", name)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from objects(inner, f"{pointer}/{position}", key)


def is_text(value):
    return isinstance(value, dict) and value.get("type") in ("plain_text", "mrkdwn")


# --- sdk -------------------------------------------------------------------------------------------------------------

def model(key, value, in_rich_text):
    if is_text(value) or in_rich_text:
        return None
    if key in ("blocks", "child_blocks"):
        return Block
    if key in ("options", "initial_option", "initial_options"):
        return Option
    if key == "option_groups":
        return OptionGroup
    if key == "confirm":
        return ConfirmObject
    if key in ("element", "accessory", "elements"):
        return BlockElement
    return None


def sdk(payload, kind):
    found = []

    def ask(pointer, build):
        HEARD.said.clear()
        try:
            made = build()
            if made is None:
                found.append((pointer, "unknown type"))
                return
            for name in dir(made):
                check = None if name.startswith("__") else getattr(made, name, None)
                if callable(check) and hasattr(check, "validator"):
                    try:
                        check()
                    except Exception as refused:  # SlackObjectFormationError, or what a broken value makes of a check
                        found.append((pointer, str(refused)))
        except Exception as refused:
            found.append((pointer, f"not readable as {build.__name__}: {refused}"))
        # What is inside is asked by itself, so only what is said of this very object counts.
        found.extend((pointer, said) for said in HEARD.said if "skipped" not in said)

    if kind != "message":
        def view():
            return View(**{**copy.deepcopy(payload), "blocks": [{"type": "divider"}] * len(payload.get("blocks") or [])})
        ask("", view)
    rich = []
    for pointer, key, value in objects(payload):
        if value.get("type") == "rich_text":
            rich.append(pointer + "/")
        kind_of = model(key, value, any(pointer.startswith(r) for r in rich))
        if kind_of:
            def build(kind_of=kind_of, value=copy.deepcopy(value)):
                return kind_of.parse(value) if hasattr(kind_of, "parse") else kind_of(**value)
            build.__name__ = kind_of.__name__
            ask(pointer, build)
    return found


# --- rules -----------------------------------------------------------------------------------------------------------

def rules(payload, kind):
    blocks = payload.get("blocks")
    if blocks is not None and not isinstance(blocks, list):
        yield "/blocks", "blocks must be a list"
        return
    blocks = [b for b in blocks or [] if isinstance(b, dict)]
    most = 50 if kind == "message" else 100
    if len(blocks) > most:
        yield "/blocks", f"a {kind} has at most {most} blocks"
    if kind == "message":
        text = payload.get("text")
        if not payload.get("delete_original") and not (isinstance(text, str) and text.strip()):
            yield "/text", "no text: screen readers and notifications have nothing to say"
        if isinstance(text, str) and len(text) > 4000:
            yield "/text", "text should stay within 4,000 characters"
    else:
        if payload.get("type") != kind:
            yield "/type", f"a {kind} view must say so"
        if len(json.dumps(payload, ensure_ascii=False).encode()) > 250_000:
            yield "", "a view has at most 250 KB"
        if kind == "modal" and any(b.get("type") == "input" for b in blocks) and not payload.get("submit"):
            yield "/submit", "a modal with an input block needs submit"
        if kind == "modal" and not payload.get("title"):
            yield "/title", "a modal needs a title"
    seen, focus = {}, []
    for position, block in enumerate(blocks):
        here = f"/blocks/{position}"
        name = block.get("block_id")
        if name is not None:
            if name in seen:
                yield f"{here}/block_id", f"block_id {name!r} is also that of {seen[name]}"
            seen.setdefault(name, here)
        actions, primary = {}, []
        for pointer, key, value in objects(block, here):
            if "action_id" in value:
                if value["action_id"] in actions:
                    yield f"{pointer}/action_id", f"action_id {value['action_id']!r} is also that of {actions[value['action_id']]}"
                actions.setdefault(value["action_id"], pointer)
            if value.get("type") == "button" and value.get("style") == "primary":
                primary.append(pointer)
            if value.get("focus_on_load"):
                focus.append(pointer)
            if is_text(value) and not str(value.get("text", "")).strip():
                yield f"{pointer}/text", "empty text"
            if key == "fields" and len(str(value.get("text", ""))) > 2000:
                yield f"{pointer}/text", "a field has at most 2,000 characters"
            if value.get("type") in ("actions", "context") and not value.get("elements"):
                yield f"{pointer}/elements", "no elements"
            offered = value.get("options")
            if isinstance(offered, list):
                limit = 10 if value.get("type") in ("radio_buttons", "checkboxes") else 100
                if not offered or len(offered) > limit:
                    yield f"{pointer}/options", f"between 1 and {limit} options"
                said = [o.get("value") for o in offered if isinstance(o, dict)]
                for twice in sorted({v for v in said if isinstance(v, str) and said.count(v) > 1}):
                    yield f"{pointer}/options", f"two options with the value {twice!r}"
            groups = value.get("option_groups")
            if isinstance(groups, list) and offered is None:
                offered = [o for g in groups if isinstance(g, dict) for o in g.get("options") or []]
            if offered is not None:
                first = value.get("initial_options") or [value["initial_option"]] if "initial_option" in value or "initial_options" in value else []
                if any(one not in offered for one in first):
                    yield pointer, "an initial option is none of the options"
        if len(primary) > 1:
            yield primary[1], "two primary buttons in one block"
    if len(focus) > 1:
        yield focus[1], "focus_on_load twice in one view"


# --- types -----------------------------------------------------------------------------------------------------------

HEAD = """import type { HomeView, KnownBlock, MessageAttachment, MessageMetadata, ModalView } from '@slack/types';
type Strict<V> = Omit<V, 'blocks'> & { blocks: KnownBlock[] };
type modal = Strict<ModalView>; type home = Strict<HomeView>;
type message = { text?: string; blocks?: KnownBlock[]; attachments?: MessageAttachment[]; metadata?: MessageMetadata;
  channel?: string; user?: string; ts?: string; thread_ts?: string; reply_broadcast?: boolean; post_at?: number; mrkdwn?: boolean;
  unfurl_links?: boolean; unfurl_media?: boolean; link_names?: boolean; username?: string; icon_emoji?: string; icon_url?: string;
  response_type?: 'in_channel' | 'ephemeral'; replace_original?: boolean; delete_original?: boolean };
"""
WORDS = {"type", "style", "response_type", "include", "trigger_actions_on", "indent", "format", "align", "level", "status", "width", "range"}


def shape(value, key=None):
    """The payload with all free text made equal: tsc judges shapes, and thousands of messages share a few."""
    if isinstance(value, dict):
        return {k: shape(v, k) for k, v in value.items()}
    if isinstance(value, list):
        parts = []
        for part in (shape(v, key) for v in value):
            if part not in parts:
                parts.append(part)
        return parts
    return value if not isinstance(value, str) or key in WORDS else "s"


def lines_of(value, pointer=""):
    """One line of TypeScript per value, with its JSON pointer, so that an error's line says where it is."""
    if isinstance(value, dict):
        yield pointer, "{"
        for name, inner in value.items():
            inside = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            rows = list(lines_of(inner, inside))
            rows[0] = (rows[0][0], f"{json.dumps(name)}: {rows[0][1]}")
            yield from rows
            yield inside, ","
        yield pointer, "}"
    elif isinstance(value, list):
        yield pointer, "["
        for position, inner in enumerate(value):
            yield from lines_of(inner, f"{pointer}/{position}")
            yield f"{pointer}/{position}", ","
        yield pointer, "]"
    else:
        yield pointer, json.dumps(value)


def types(payloads):
    """[(payload, kind)] -> [[(pointer, message)]], in one run of tsc over the distinct shapes."""
    found, known = [[] for _ in payloads], {}
    for at, (payload, kind) in enumerate(payloads):
        known.setdefault((kind, json.dumps(shape(payload), sort_keys=True)), []).append(at)
    text, where = HEAD.splitlines(), {}
    for number, ((kind, _), who) in enumerate(known.items()):
        for row, (pointer, line) in enumerate(lines_of(payloads[who[0]][0])):
            text.append(f"const p{number}: {kind} = {line}" if row == 0 else line)
            where[len(text)] = (who, pointer)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "node_modules").symlink_to(TYPES / "node_modules")
        Path(folder, "payloads.ts").write_text("\n".join(text) + "\nexport {};\n")
        told = subprocess.run(
            [TYPES / "node_modules/.bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--types", "", "payloads.ts"],
            cwd=folder, capture_output=True, text=True)
    last, missed = None, []
    for line in (told.stdout + told.stderr).splitlines():
        hit = re.match(r"payloads\.ts[(:](\d+)[,:]\d+\)?\s*[:-] error (TS\d+): (.*)", line)
        if hit:
            who, pointer = where.get(int(hit[1]), ((), ""))
            last = [(at, len(found[at])) for at in who]
            for at in who:
                found[at].append((pointer, hit[3]))
            missed += [] if who else [line]
        elif last and line.startswith(" "):
            for at, which in last:  # the innermost line says most
                found[at][which] = (found[at][which][0], line.strip())
        elif line.strip():
            missed.append(line)
    if missed or (told.returncode and not any(found)):
        sys.exit("check-blocks: tsc itself failed: " + " ".join(missed or [told.stdout + told.stderr])[:2000])
    return found, len(known)


# --- reading and telling ---------------------------------------------------------------------------------------------

def read(paths):
    for path in map(Path, paths):
        if not path.exists():
            sys.exit(f"check-blocks: {path} is not there: run the tests with P0_EMITTED={path} first")
        files = sorted(f for f in path.rglob("*") if f.suffix in (".json", ".ndjson", ".jsonl")) if path.is_dir() else [path]
        for file in files:
            text = file.read_text()
            rows = [(str(file), text)] if file.suffix == ".json" else [(f"{file}:{n}", row) for n, row in enumerate(text.splitlines(), 1) if row.strip()]
            for source, row in rows:
                try:
                    one = json.loads(row)
                    payload = one["payload"] if "payload" in one else one["body"]
                    payload = json.loads(payload) if isinstance(payload, str) else payload
                    if isinstance(payload.get("blocks"), str):  # as a form carries it
                        payload["blocks"] = json.loads(payload["blocks"])
                    kind = payload["type"] if one["kind"] == "view" else one["kind"]
                    if kind not in KINDS:
                        raise ValueError(f"kind must be view or one of {', '.join(KINDS)}")
                except (ValueError, KeyError, TypeError, AttributeError) as wrong:
                    sys.exit(f"check-blocks: {source} is not {{\"kind\",\"payload\"}}: {wrong!r}")
                by = one.get("source") or one.get("by")
                yield source + (f" ({by})" if by else ""), payload, kind


def judge(payloads):
    by_types, shapes = types(payloads)
    return [{"sdk": sdk(*one), "types": found, "rules": list(rules(*one))} for one, found in zip(payloads, by_types)], shapes


def main(paths):
    distinct = {}
    for source, payload, kind in read(paths):
        distinct.setdefault(json.dumps([kind, payload], sort_keys=True), (payload, kind, []))[2].append(source)
    if not distinct:
        sys.exit("check-blocks: no payloads: the tests emitted nothing into " + " ".join(paths))
    ones = list(distinct.values())
    verdicts, shapes = judge([(payload, kind) for payload, kind, _ in ones])
    failures = 0
    for (_, kind, sources), verdict in zip(ones, verdicts):
        for by, found in verdict.items():
            for pointer, message in found:
                failures += 1
                more = f" and {len(sources) - 1} more" if len(sources) > 1 else ""
                print(f"FAIL {sources[0]}{more}: {kind} at {pointer or 'its root'}: {message} [{by}]")
    bad = sum(any(v.values()) for v in verdicts)
    counts = ", ".join(f"{sum(len(s) for _, k, s in ones if k == kind)} {kind}" for kind in KINDS)
    print(f"check-blocks: {sum(len(s) for _, _, s in ones)} payloads ({counts}), {len(ones)} distinct, {shapes} shapes: "
          f"{len(ones) - bad} good, {bad} bad, {failures} findings")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        from check_blocks_seeds import self_test
        sys.exit(self_test(judge))
    if not sys.argv[1:]:
        sys.exit("check-blocks: name a folder, a file, or --self-test")
    main(sys.argv[1:])
