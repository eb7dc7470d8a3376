"""Good payloads and seeded defects: proof that tools/check-blocks sees what it is there to see."""
import copy


def plain(text):
    return {"type": "plain_text", "text": text}


def mrkdwn(text):
    return {"type": "mrkdwn", "text": text}


def option(value, text=None):
    return {"text": plain(text or value), "value": value}


def button(action, text, **more):
    return {"type": "button", "action_id": action, "text": plain(text), "value": "req_1", **more}


def section(text, **more):
    return {"type": "section", "text": mrkdwn(text), **more}


MODAL = {
    "type": "modal", "callback_id": "request", "title": plain("Request access"), "submit": plain("Ask"), "close": plain("Cancel"),
    "notify_on_close": True, "private_metadata": "{\"channel\":\"C1\"}",
    "blocks": [
        section("What do you need?", block_id="intro"),
        {"type": "input", "block_id": "role", "dispatch_action": True, "label": plain("Role"),
         "element": {"type": "external_select", "action_id": "role", "min_query_length": 0, "placeholder": plain("Search"),
                     "initial_option": option("analyst")}},
        {"type": "input", "block_id": "length", "label": plain("How long"), "hint": plain("At most 8 hours"),
         "element": {"type": "static_select", "action_id": "length", "options": [option("1h", "1 hour"), option("4h", "4 hours")],
                     "initial_option": option("1h", "1 hour")}},
        {"type": "input", "block_id": "how", "optional": True, "label": plain("How"),
         "element": {"type": "radio_buttons", "action_id": "how", "options": [option("read"), option("write")]}},
        {"type": "input", "block_id": "reason", "label": plain("Reason"),
         "element": {"type": "plain_text_input", "action_id": "reason", "multiline": True, "max_length": 3000}},
    ],
}
MESSAGE = {
    "channel": "C1", "text": "Alice asks for the role analyst for 1 hour",
    "blocks": [
        {"type": "header", "text": plain("Access request")},
        section("*Alice* asks for access", fields=[mrkdwn("*Role*\nanalyst"), mrkdwn("*How long*\n1 hour")]),
        {"type": "actions", "block_id": "decide", "elements": [
            button("approve", "Approve", style="primary", accessibility_label="Approve Alice's request"),
            button("deny", "Deny", style="danger", confirm={"title": plain("Deny?"), "text": plain("Alice is told."),
                                                           "confirm": plain("Deny"), "deny": plain("Back")}),
            {"type": "static_select", "action_id": "length", "placeholder": plain("How long"), "options": [option("1h")]},
            {"type": "users_select", "action_id": "to", "placeholder": plain("Ask somebody")}]},
        {"type": "context", "elements": [mrkdwn("Rule _prod_"), {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "mark"}]},
        {"type": "divider"},
    ],
}
HOME = {
    "type": "home",
    "blocks": [
        section("*Waiting for you*", accessory={"type": "overflow", "action_id": "more", "options": [option("open"), option("hide")]}),
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "ends soon", "style": {"bold": True}}]}]},
        {"type": "actions", "elements": [button("ask", "Request access")]},
    ],
}


def put(*path):
    """put(place..., value): a defect that sets one value."""
    *path, last, value = path

    def spoil(payload):
        for step in path:
            payload = payload[step]
        payload[last] = value
    return spoil


def drop(*path):
    *path, last = path

    def spoil(payload):
        for step in path:
            payload = payload[step]
        del payload[last]
    return spoil


B, E = "blocks", "element"
BOTH = "sdk types"
# what, good payload, its spoiler, the judges that must catch it (others may as well)
DEFECTS = [
    ("title of 25 characters", MODAL, put("title", "text", "t" * 25), "sdk"),
    ("submit of 25 characters", MODAL, put("submit", "text", "t" * 25), "sdk"),
    ("private_metadata of 3001 characters", MODAL, put("private_metadata", "m" * 3001), "sdk"),
    ("callback_id of 256 characters", MODAL, put("callback_id", "c" * 256), "sdk"),
    ("block_id of 256 characters", MODAL, put(B, 0, "block_id", "b" * 256), "sdk"),
    ("action_id of 256 characters", MODAL, put(B, 1, E, "action_id", "a" * 256), "sdk"),
    ("placeholder of 151 characters", MODAL, put(B, 1, E, "placeholder", "text", "p" * 151), "sdk"),
    ("label of 2001 characters", MODAL, put(B, 1, "label", "text", "l" * 2001), "sdk"),
    ("hint of 2001 characters", MODAL, put(B, 2, "hint", "text", "l" * 2001), "sdk"),
    ("section of 3001 characters", MODAL, put(B, 0, "text", "text", "s" * 3001), "sdk"),
    ("101 blocks", MODAL, put(B, [{"type": "divider"}] * 101), "sdk rules"),
    ("101 options", MODAL, put(B, 2, E, "options", [option(str(n)) for n in range(101)]), "sdk rules"),
    ("option text of 76 characters", MODAL, put(B, 2, E, "options", 1, "text", "text", "o" * 76), "sdk"),
    ("option value of 151 characters", MODAL, put(B, 2, E, "options", 1, "value", "v" * 151), "sdk"),
    ("initial option's value of 151 characters", MODAL, put(B, 1, E, "initial_option", "value", "v" * 151), "sdk"),
    ("header of 151 characters", MESSAGE, put(B, 0, "text", "text", "h" * 151), "sdk"),
    ("button text of 76 characters", MESSAGE, put(B, 2, "elements", 0, "text", "text", "b" * 76), "sdk"),
    ("button value of 2001 characters", MESSAGE, put(B, 2, "elements", 0, "value", "b" * 2001), "sdk"),
    ("button of an unknown style", MESSAGE, put(B, 2, "elements", 0, "style", "warning"), BOTH),
    ("confirm title of 101 characters", MESSAGE, put(B, 2, "elements", 1, "confirm", "title", "text", "t" * 101), "sdk"),
    ("11 elements in context", MESSAGE, put(B, 3, "elements", [mrkdwn("x")] * 11), "sdk"),
    ("26 elements in actions", MESSAGE, put(B, 2, "elements", [button(f"a{n}", "x") for n in range(26)]), "sdk"),
    ("11 fields", MESSAGE, put(B, 1, "fields", [mrkdwn("x")] * 11), "sdk"),
    ("section with neither text nor fields", HOME, drop(B, 0, "text"), "sdk"),
    ("home with submit", HOME, put("submit", plain("Go")), BOTH),
    ("unknown block", MODAL, put(B, 0, {"type": "paragraph", "text": plain("x")}), BOTH),
    ("unknown element", MODAL, put(B, 1, E, {"type": "slider", "action_id": "role"}), BOTH),
    ("label in mrkdwn", MODAL, put(B, 1, "label", mrkdwn("*Role*")), "types"),
    ("title in mrkdwn", MODAL, put("title", mrkdwn("Request")), "types"),
    ("header in mrkdwn", MESSAGE, put(B, 0, "text", mrkdwn("*Request*")), "types"),
    ("button text in mrkdwn", MESSAGE, put(B, 2, "elements", 0, "text", mrkdwn("*Yes*")), "types"),
    ("unknown field of a view", MODAL, put("sumbit", plain("Ask")), "types"),
    ("unknown field of a block", MODAL, put(B, 1, "optionnal", True), "types"),
    ("unknown field of an element", MODAL, put(B, 4, E, "multi_line", True), "types"),
    ("button in an input block", MODAL, put(B, 1, E, button("go", "Go")), "types"),
    ("plain text input in actions", MESSAGE, put(B, 2, "elements", 0, {"type": "plain_text_input", "action_id": "x"}), "types"),
    ("input block without a label", MODAL, drop(B, 1, "label"), "types"),
    ("image without alt_text", MESSAGE, drop(B, 3, "elements", 1, "alt_text"), "types"),
    ("modal without a title", MODAL, drop("title"), "types rules"),
    ("unknown response_type", MESSAGE, put("response_type", "private"), "types"),
    ("input without submit", MODAL, drop("submit"), "rules"),
    ("two blocks with one block_id", MODAL, put(B, 1, "block_id", "intro"), "rules"),
    ("two elements with one action_id", MESSAGE, put(B, 2, "elements", 1, "action_id", "approve"), "rules"),
    ("two primary buttons in one block", MESSAGE, put(B, 2, "elements", 1, "style", "primary"), "rules"),
    ("message without text", MESSAGE, drop("text"), "rules"),
    ("message with empty text", MESSAGE, put("text", " "), "rules"),
    ("51 blocks in a message", MESSAGE, put(B, [{"type": "divider"}] * 51), "rules"),
    ("empty section text", MESSAGE, put(B, 1, "text", "text", ""), "rules"),
    ("field of 2001 characters", MESSAGE, put(B, 1, "fields", 0, "text", "f" * 2001), "rules"),
    ("no options", MODAL, put(B, 2, E, "options", []), "rules"),
    ("11 radio buttons", MODAL, put(B, 3, E, "options", [option(str(n)) for n in range(11)]), "rules"),
    ("two options with one value", MODAL, put(B, 3, E, "options", 1, "value", "read"), "rules"),
    ("initial option that is not offered", MODAL, put(B, 2, E, "initial_option", option("9h", "9 hours")), "rules"),
    ("actions without elements", HOME, put(B, 2, "elements", []), "rules"),
]


def self_test(judge):
    kinds = {id(MODAL): "modal", id(MESSAGE): "message", id(HOME): "home"}
    cases = [(copy.deepcopy(good), kinds[id(good)]) for good in (MODAL, MESSAGE, HOME)]
    for what, good, spoil, _ in DEFECTS:
        bad = copy.deepcopy(good)
        spoil(bad)
        cases.append((bad, kinds[id(good)]))
    verdicts, _ = judge(cases)
    wrong = 0
    for kind, verdict in zip(("modal", "message", "home"), verdicts):
        for by, found in verdict.items():
            for pointer, message in found:
                wrong += 1
                print(f"FAIL the good {kind} at {pointer}: {message} [{by}]")
    tally = {"sdk": 0, "types": 0, "rules": 0}
    print(f"{'defect':44} sdk types rules")
    for (what, _, _, by), verdict in zip(DEFECTS, verdicts[3:]):
        caught = [judge_ for judge_ in tally if verdict[judge_]]
        for one in caught:
            tally[one] += 1
        missing = [one for one in by.split() if one not in caught]
        wrong += bool(missing)
        marks = " ".join(("yes" if one in caught else "-").ljust(len(one)) for one in tally)
        print(f"{what:44} {marks}{'   FAIL: not by ' + ', '.join(missing) if missing else ''}")
    counts = ", ".join(f"{by} {n}" for by, n in tally.items())
    print(f"check-blocks: 3 good payloads, {len(DEFECTS)} defects; caught by {counts}; {'all as expected' if not wrong else f'{wrong} surprises'}")
    return 1 if wrong else 0
