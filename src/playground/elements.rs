//! What Slack takes as block elements and options. The limits are in [`super::blocks`].
//!
//! It must never look at what a user did with an element: that is [`super::inputs`].

use serde_json::{Map, Value};

use super::blocks::{self as limit, Check, Surface, Text};

/// The places an element can stand in.
pub(super) const SECTION: u8 = 1;
pub(super) const ACTIONS: u8 = 2;
pub(super) const INPUT: u8 = 4;
pub(super) const CONTEXT: u8 = 8;

struct Kind {
    name: &'static str,
    places: u8,
    known: &'static [&'static str],
    required: &'static [&'static str],
}

const fn kind(name: &'static str, places: u8, known: &'static [&'static str], required: &'static [&'static str]) -> Kind {
    Kind { name, places, known, required }
}

const SAI: u8 = SECTION | ACTIONS | INPUT;

/// Every element, where it may stand, and its properties besides `type` and `action_id`.
const KINDS: &[Kind] = &[
    kind("button", SECTION | ACTIONS, &["text", "url", "value", "style", "confirm", "accessibility_label"], &["text"]),
    kind("workflow_button", SECTION | ACTIONS, &["text", "workflow", "style", "accessibility_label"], &["text", "workflow"]),
    kind("overflow", SECTION | ACTIONS, &["options", "confirm"], &["options"]),
    kind("image", SECTION | CONTEXT, &["image_url", "slack_file", "alt_text"], &["alt_text"]),
    kind("static_select", SAI, &["options", "option_groups", "initial_option", "confirm", "focus_on_load", "placeholder"], &[]),
    kind("external_select", SAI, &["initial_option", "min_query_length", "confirm", "focus_on_load", "placeholder"], &[]),
    kind("users_select", SAI, &["initial_user", "confirm", "focus_on_load", "placeholder"], &[]),
    kind(
        "conversations_select",
        SAI,
        &[
            "initial_conversation",
            "default_to_current_conversation",
            "response_url_enabled",
            "filter",
            "confirm",
            "focus_on_load",
            "placeholder",
        ],
        &[],
    ),
    kind("channels_select", SAI, &["initial_channel", "response_url_enabled", "confirm", "focus_on_load", "placeholder"], &[]),
    kind(
        "multi_static_select",
        SAI,
        &["options", "option_groups", "initial_options", "confirm", "max_selected_items", "focus_on_load", "placeholder"],
        &[],
    ),
    kind(
        "multi_external_select",
        SAI,
        &["initial_options", "min_query_length", "confirm", "max_selected_items", "focus_on_load", "placeholder"],
        &[],
    ),
    kind("multi_users_select", SAI, &["initial_users", "confirm", "max_selected_items", "focus_on_load", "placeholder"], &[]),
    kind(
        "multi_conversations_select",
        SAI,
        &[
            "initial_conversations",
            "default_to_current_conversation",
            "filter",
            "confirm",
            "max_selected_items",
            "focus_on_load",
            "placeholder",
        ],
        &[],
    ),
    kind(
        "multi_channels_select",
        SAI,
        &["initial_channels", "confirm", "max_selected_items", "focus_on_load", "placeholder"],
        &[],
    ),
    kind("radio_buttons", SAI, &["options", "initial_option", "confirm", "focus_on_load"], &["options"]),
    kind("checkboxes", SAI, &["options", "initial_options", "confirm", "focus_on_load"], &["options"]),
    kind("datepicker", SAI, &["initial_date", "confirm", "focus_on_load", "placeholder"], &[]),
    kind("timepicker", SAI, &["initial_time", "confirm", "focus_on_load", "placeholder", "timezone"], &[]),
    kind("datetimepicker", ACTIONS | INPUT, &["initial_date_time", "confirm", "focus_on_load"], &[]),
    kind(
        "plain_text_input",
        INPUT,
        &["initial_value", "multiline", "min_length", "max_length", "dispatch_action_config", "focus_on_load", "placeholder"],
        &[],
    ),
    kind(
        "number_input",
        INPUT,
        &[
            "is_decimal_allowed",
            "initial_value",
            "min_value",
            "max_value",
            "dispatch_action_config",
            "focus_on_load",
            "placeholder",
        ],
        &["is_decimal_allowed"],
    ),
    kind("email_text_input", INPUT, &["initial_value", "dispatch_action_config", "focus_on_load", "placeholder"], &[]),
    kind("url_text_input", INPUT, &["initial_value", "dispatch_action_config", "focus_on_load", "placeholder"], &[]),
    kind(
        "rich_text_input",
        INPUT,
        &["initial_value", "min_lines", "max_lines", "dispatch_action_config", "focus_on_load", "placeholder"],
        &[],
    ),
    kind("file_input", INPUT, &["filetypes", "max_files"], &[]),
];

impl Check {
    pub(super) fn element(&mut self, element: &Value, at: &str, place: u8) {
        let name = element.get("type").and_then(Value::as_str);
        let Some(name) = name else {
            self.object(element, at, &["action_id"], &["type"]);
            return;
        };
        let Some(kind) =
            KINDS.iter().find(|kind| kind.name == name && kind.places & place != 0).filter(|kind| self.may_stand(kind.name))
        else {
            self.say(&format!("{at}/type"), format_args!("unsupported type: {name}"));
            return;
        };
        let known: Vec<&str> = ["type", "action_id"].iter().chain(kind.known).copied().collect();
        let Some(object) = self.object(element, at, &known, kind.required) else { return };
        if name == "image" {
            self.image(object, at);
            return;
        }
        self.string(object, "action_id", at, 1, limit::ID);
        self.text(object, "placeholder", at, Text::Plain, limit::PLACEHOLDER);
        self.confirm(object, at);
        self.boolean(object, &["focus_on_load", "multiline", "is_decimal_allowed", "response_url_enabled"], at);
        if object.get("focus_on_load").and_then(Value::as_bool) == Some(true) {
            self.focused += 1;
        }
        self.count(object, "min_query_length", at, 0, usize::MAX);
        self.count(object, "max_selected_items", at, 1, usize::MAX);
        match name {
            "button" => self.button(object, at),
            "overflow" => self.choices(object, at, limit::OVERFLOW_OPTIONS, false),
            "radio_buttons" | "checkboxes" => self.choices(object, at, limit::CHOICES, true),
            "static_select" | "multi_static_select" => self.static_select(object, at),
            "plain_text_input" => self.plain_text_input(object, at),
            "file_input" => self.count(object, "max_files", at, 1, 10),
            "datepicker" => self.pattern(object, "initial_date", at, "0000-00-00"),
            "timepicker" => self.pattern(object, "initial_time", at, "00:00"),
            _ => {}
        }
        self.initial(object, at);
        self.dispatch_config(object, at);
    }

    fn may_stand(&self, name: &str) -> bool {
        match name {
            "datetimepicker" => self.surface != Surface::Home,
            "file_input" | "number_input" | "email_text_input" | "url_text_input" => self.surface == Surface::Modal,
            _ => true,
        }
    }

    fn button(&mut self, button: &Map<String, Value>, at: &str) {
        self.text(button, "text", at, Text::Plain, limit::BUTTON_TEXT);
        self.string(button, "value", at, 0, limit::BUTTON_VALUE);
        self.string(button, "url", at, 1, limit::URL);
        self.string(button, "accessibility_label", at, 1, limit::ACCESSIBILITY_LABEL);
        self.style(button, at);
    }

    fn style(&mut self, owner: &Map<String, Value>, at: &str) {
        if owner.get("style").is_some_and(|style| style != "primary" && style != "danger") {
            self.say(&format!("{at}/style"), "must be one of primary, danger");
        }
    }

    fn confirm(&mut self, owner: &Map<String, Value>, at: &str) {
        let Some(confirm) = owner.get("confirm") else { return };
        let at = format!("{at}/confirm");
        if let Some(confirm) =
            self.object(confirm, &at, &["title", "text", "confirm", "deny", "style"], &["title", "text", "confirm", "deny"])
        {
            self.text(confirm, "title", &at, Text::Plain, limit::CONFIRM_TITLE);
            self.text(confirm, "text", &at, Text::Any, limit::CONFIRM_TEXT);
            self.text(confirm, "confirm", &at, Text::Plain, limit::CONFIRM_BUTTON);
            self.text(confirm, "deny", &at, Text::Plain, limit::CONFIRM_BUTTON);
            self.style(confirm, &at);
        }
    }

    fn count(&mut self, owner: &Map<String, Value>, key: &str, at: &str, min: usize, max: usize) {
        let Some(value) = owner.get(key) else { return };
        let at = format!("{at}/{key}");
        match value.as_u64().map(|n| usize::try_from(n).unwrap_or(usize::MAX)) {
            None => self.say(&at, "must provide a whole number"),
            Some(n) if n > max => self.say(&at, format_args!("must be less than {}", max + 1)),
            Some(n) if n < min => self.say(&at, format_args!("must be more than {}", min - 1)),
            Some(_) => {}
        }
    }

    fn pattern(&mut self, owner: &Map<String, Value>, key: &str, at: &str, form: &str) {
        let fits = |text: &str| {
            text.len() == form.len()
                && text.bytes().zip(form.bytes()).all(|(a, b)| if b == b'0' { a.is_ascii_digit() } else { a == b })
        };
        if owner.get(key).is_some_and(|value| !value.as_str().is_some_and(fits)) {
            self.say(&format!("{at}/{key}"), format_args!("must have the form {form}"));
        }
    }

    fn choices(&mut self, owner: &Map<String, Value>, at: &str, max: usize, mrkdwn: bool) {
        if let Some(options) = owner.get("options") {
            self.options(options, &format!("{at}/options"), 1, max, mrkdwn);
        }
    }

    fn static_select(&mut self, owner: &Map<String, Value>, at: &str) {
        match (owner.get("options"), owner.get("option_groups")) {
            (Some(options), None) => self.options(options, &format!("{at}/options"), 1, limit::OPTIONS, false),
            (None, Some(groups)) => self.option_groups(groups, &format!("{at}/option_groups"), 1),
            (Some(_), Some(_)) => self.say(at, "only one of options and option_groups may be given"),
            (None, None) => self.say(at, "missing required field: options"),
        }
    }

    pub(super) fn options(&mut self, options: &Value, at: &str, min: usize, max: usize, mrkdwn: bool) {
        for (n, option) in self.list(options, at, min, max).iter().enumerate() {
            self.option(option, &format!("{at}/{n}"), mrkdwn);
        }
    }

    pub(super) fn option_groups(&mut self, groups: &Value, at: &str, min: usize) {
        for (n, group) in self.list(groups, at, min, limit::OPTION_GROUPS).iter().enumerate() {
            let at = format!("{at}/{n}");
            if let Some(group) = self.object(group, &at, &["label", "options"], &["label", "options"]) {
                self.text(group, "label", &at, Text::Plain, limit::GROUP_LABEL);
                if let Some(options) = group.get("options") {
                    self.options(options, &format!("{at}/options"), min, limit::OPTIONS, false);
                }
            }
        }
    }

    fn option(&mut self, option: &Value, at: &str, mrkdwn: bool) {
        let kind = if mrkdwn { Text::Any } else { Text::Plain };
        if let Some(option) = self.object(option, at, &["text", "value", "description", "url"], &["text", "value"]) {
            self.text(option, "text", at, kind, limit::OPTION_TEXT);
            self.string(option, "value", at, 1, limit::OPTION_VALUE);
            self.text(option, "description", at, kind, limit::OPTION_DESCRIPTION);
            self.string(option, "url", at, 1, limit::URL);
        }
    }

    /// An initial option must be well formed, and one of the options where these are known.
    fn initial(&mut self, owner: &Map<String, Value>, at: &str) {
        let known = super::inputs::options_of(owner);
        let mrkdwn = matches!(owner.get("type").and_then(Value::as_str), Some("radio_buttons" | "checkboxes"));
        let one = |check: &mut Check, option: &Value, at: &str| {
            check.option(option, at, mrkdwn);
            if !known.is_empty() && !known.iter().any(|other| other.get("value") == option.get("value")) {
                check.say(at, "must be one of the options");
            }
        };
        if let Some(option) = owner.get("initial_option") {
            one(self, option, &format!("{at}/initial_option"));
        }
        if let Some(options) = owner.get("initial_options") {
            let at = format!("{at}/initial_options");
            for (n, option) in self.list(options, &at, 1, limit::OPTIONS).iter().enumerate() {
                one(self, option, &format!("{at}/{n}"));
            }
        }
    }

    fn plain_text_input(&mut self, input: &Map<String, Value>, at: &str) {
        self.count(input, "min_length", at, 0, limit::INPUT_LENGTH);
        self.count(input, "max_length", at, 1, limit::INPUT_LENGTH);
        let max =
            input.get("max_length").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(limit::INPUT_LENGTH);
        self.string(input, "initial_value", at, 0, max);
    }

    fn dispatch_config(&mut self, input: &Map<String, Value>, at: &str) {
        let Some(config) = input.get("dispatch_action_config") else { return };
        let at = format!("{at}/dispatch_action_config");
        let Some(config) = self.object(config, &at, &["trigger_actions_on"], &["trigger_actions_on"]) else { return };
        let at = format!("{at}/trigger_actions_on");
        let triggers = config.get("trigger_actions_on").cloned().unwrap_or_default();
        for (n, trigger) in self.list(&triggers, &at, 1, 2).iter().enumerate() {
            if trigger != "on_enter_pressed" && trigger != "on_character_entered" {
                self.say(&format!("{at}/{n}"), "must be one of on_enter_pressed, on_character_entered");
            }
        }
    }
}
