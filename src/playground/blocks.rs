//! What Slack takes as blocks and views: one table of limits, and the walk over blocks and views.
//!
//! Answers problems in Slack's own words, each with the JSON pointer of the offender. It must
//! never change what it looks at, and never be more lenient than Slack: a defect that passes here
//! is found by a person later. Elements are in [`super::elements`].

use std::collections::BTreeSet;

use serde_json::{Map, Value};

macro_rules! limits {
    ($($name:ident = $max:literal, $of:literal;)*) => {
        $(#[doc = $of] pub const $name: usize = $max;)*
        /// Every limit: its name, its value, and what it limits.
        pub const LIMITS: &[(&str, usize, &str)] = &[$((stringify!($name), $max, $of),)*];
    };
}

limits! {
    MESSAGE_BLOCKS = 50, "blocks in a message";
    VIEW_BLOCKS = 100, "blocks in a modal or Home tab";
    VIEW_BYTES = 250_000, "bytes of a view";
    VIEW_STACK = 3, "views in a stack";
    ID = 255, "characters of block_id, action_id, callback_id, external_id";
    PRIVATE_METADATA = 3000, "characters of private_metadata";
    TITLE = 24, "characters of a modal's title, submit and close";
    SECTION_TEXT = 3000, "characters of a section's text";
    SECTION_FIELDS = 10, "fields of a section";
    FIELD_TEXT = 2000, "characters of a section's field";
    HEADER_TEXT = 150, "characters of a header";
    CONTEXT_ELEMENTS = 10, "elements of a context block";
    ACTIONS_ELEMENTS = 25, "elements of an actions block";
    BUTTON_TEXT = 75, "characters of a button's text";
    BUTTON_VALUE = 2000, "characters of a button's value";
    URL = 3000, "characters of a url";
    ACCESSIBILITY_LABEL = 75, "characters of an accessibility_label";
    CONFIRM_TITLE = 100, "characters of a confirm dialog's title";
    CONFIRM_TEXT = 300, "characters of a confirm dialog's text";
    CONFIRM_BUTTON = 30, "characters of a confirm dialog's buttons";
    OPTIONS = 100, "options of a select, or of one group";
    OPTION_GROUPS = 100, "option groups of a select";
    GROUP_LABEL = 75, "characters of an option group's label";
    OPTION_TEXT = 75, "characters of an option's text";
    OPTION_VALUE = 150, "characters of an option's value";
    OPTION_DESCRIPTION = 75, "characters of an option's description";
    PLACEHOLDER = 150, "characters of a placeholder";
    OVERFLOW_OPTIONS = 5, "options of an overflow menu";
    CHOICES = 10, "options of radio buttons or checkboxes";
    INPUT_LABEL = 2000, "characters of an input's label";
    INPUT_HINT = 2000, "characters of an input's hint";
    INPUT_LENGTH = 3000, "max_length of a plain_text_input";
    ALT_TEXT = 2000, "characters of an image's alt_text";
    IMAGE_TITLE = 2000, "characters of an image's title";
    MARKDOWN_TEXT = 12_000, "characters of all markdown blocks of a message";
    TABLE_ROWS = 100, "rows of a table";
    TABLE_COLUMNS = 20, "columns of a table";
    TABLES = 1, "tables in a message";
    ATTACHMENTS = 100, "attachments of a message";
    POST_TEXT = 40_000, "characters of a posted message's text; the rest is cut off";
    UPDATE_TEXT = 4000, "characters of an updated message's text";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    Message,
    Modal,
    Home,
}

/// Which kinds of text object a place takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    Plain,
    Any,
}

/// The problems of a message's blocks; none means Slack takes them.
pub fn check_message(blocks: &Value) -> Vec<String> {
    let mut check = Check::new(Surface::Message);
    check.blocks(Some(blocks), "/blocks", MESSAGE_BLOCKS, 0);
    check.problems
}

/// The problems of a view; none means Slack takes it. The size is checked by the caller, because
/// Slack answers that with an error of its own.
pub fn check_view(view: &Value) -> Vec<String> {
    let surface = match view.get("type").and_then(Value::as_str) {
        Some("home") => Surface::Home,
        _ => Surface::Modal,
    };
    let mut check = Check::new(surface);
    check.view(view);
    check.problems
}

/// The options or option groups an app answers to a type-ahead.
pub fn check_options(answer: &Value) -> Vec<String> {
    let mut check = Check::new(Surface::Modal);
    match (answer.get("options"), answer.get("option_groups")) {
        (Some(options), None) => check.options(options, "/options", 0, OPTIONS, false),
        (None, Some(groups)) => check.option_groups(groups, "/option_groups", 0),
        (Some(_), Some(_)) => check.say("", "only one of options and option_groups may be given"),
        (None, None) => check.say("", "missing required field: options"),
    }
    check.problems
}

pub(super) struct Check {
    pub(super) surface: Surface,
    pub(super) problems: Vec<String>,
    pub(super) focused: usize,
    block_ids: BTreeSet<String>,
    markdown: usize,
    tables: usize,
}

impl Check {
    fn new(surface: Surface) -> Check {
        Check { surface, problems: Vec::new(), focused: 0, block_ids: BTreeSet::new(), markdown: 0, tables: 0 }
    }

    pub(super) fn say(&mut self, at: &str, what: impl std::fmt::Display) {
        self.problems.push(format!("{what} [json-pointer:{at}]"));
    }

    /// An object with no other than the known properties and all of the required ones.
    pub(super) fn object<'a>(
        &mut self,
        value: &'a Value,
        at: &str,
        known: &[&str],
        required: &[&str],
    ) -> Option<&'a Map<String, Value>> {
        let Some(object) = value.as_object() else {
            self.say(at, "must provide an object");
            return None;
        };
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            self.say(at, format_args!("invalid additional property: {key}"));
        }
        for key in required.iter().filter(|key| object.get(**key).is_none_or(Value::is_null)) {
            self.say(at, format_args!("missing required field: {key}"));
        }
        Some(object)
    }

    pub(super) fn string(&mut self, owner: &Map<String, Value>, key: &str, at: &str, min: usize, max: usize) {
        match owner.get(key) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => self.length(text, &format!("{at}/{key}"), min, max),
            Some(_) => self.say(&format!("{at}/{key}"), "must provide a string"),
        }
    }

    fn length(&mut self, text: &str, at: &str, min: usize, max: usize) {
        let length = text.chars().count();
        if length > max {
            self.say(at, format_args!("must be less than {} characters", max + 1));
        }
        if length < min {
            self.say(at, format_args!("must be more than {} characters", min - 1));
        }
    }

    pub(super) fn boolean(&mut self, owner: &Map<String, Value>, keys: &[&str], at: &str) {
        for key in keys {
            if owner.get(*key).is_some_and(|value| !value.is_boolean()) {
                self.say(&format!("{at}/{key}"), "must provide a boolean");
            }
        }
    }

    /// A text object, when there is one.
    pub(super) fn text(&mut self, owner: &Map<String, Value>, key: &str, at: &str, kind: Text, max: usize) {
        if let Some(value) = owner.get(key).filter(|value| !value.is_null()) {
            self.text_value(value, &format!("{at}/{key}"), kind, max);
        }
    }

    pub(super) fn text_value(&mut self, value: &Value, at: &str, kind: Text, max: usize) {
        let known: &[&str] = match (value.get("type").and_then(Value::as_str), kind) {
            (Some("plain_text"), _) => &["type", "text", "emoji"],
            (Some("mrkdwn"), Text::Any) => &["type", "text", "verbatim"],
            (Some(other), _) => {
                self.say(&format!("{at}/type"), format_args!("unsupported type: {other}"));
                return;
            }
            (None, _) => &["type", "text"],
        };
        if let Some(object) = self.object(value, at, known, &["type", "text"]) {
            self.string(object, "text", at, 1, max);
            self.boolean(object, &["emoji", "verbatim"], at);
        }
    }

    pub(super) fn list<'a>(&mut self, value: &'a Value, at: &str, min: usize, max: usize) -> &'a [Value] {
        let Some(items) = value.as_array() else {
            self.say(at, "must provide an array");
            return &[];
        };
        if items.len() > max {
            self.say(at, format_args!("no more than {max} items allowed"));
        }
        if items.len() < min {
            self.say(at, format_args!("no fewer than {min} items allowed"));
        }
        items
    }

    fn view(&mut self, view: &Value) {
        const KNOWN: &[&str] = &[
            "type",
            "title",
            "submit",
            "close",
            "blocks",
            "private_metadata",
            "callback_id",
            "external_id",
            "clear_on_close",
            "notify_on_close",
            "submit_disabled",
        ];
        let required: &[&str] = if self.surface == Surface::Home { &["type", "blocks"] } else { &["type", "title", "blocks"] };
        let Some(object) = self.object(view, "/view", KNOWN, required) else { return };
        match object.get("type").and_then(Value::as_str) {
            Some("modal" | "home") | None => {}
            Some(other) => self.say("/view/type", format_args!("unsupported type: {other}")),
        }
        for key in ["title", "submit", "close"] {
            self.text(object, key, "/view", Text::Plain, TITLE);
        }
        self.string(object, "private_metadata", "/view", 0, PRIVATE_METADATA);
        self.string(object, "callback_id", "/view", 0, ID);
        self.string(object, "external_id", "/view", 0, ID);
        self.boolean(object, &["clear_on_close", "notify_on_close", "submit_disabled"], "/view");
        let least = if self.surface == Surface::Home { 0 } else { 1 };
        self.blocks(object.get("blocks"), "/view/blocks", VIEW_BLOCKS, least);
        if self.surface == Surface::Modal && object.get("submit").is_none_or(Value::is_null) {
            let blocks = object.get("blocks").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            for (n, _) in blocks.iter().enumerate().filter(|(_, block)| block["type"] == "input") {
                self.say(&format!("/view/blocks/{n}/input"), "must define `submit` to use an `input` block in modals");
            }
        }
    }

    fn blocks(&mut self, blocks: Option<&Value>, at: &str, max: usize, min: usize) {
        let Some(blocks) = blocks else { return };
        for (n, block) in self.list(blocks, at, min, max).iter().enumerate() {
            self.block(block, &format!("{at}/{n}"));
        }
        if self.markdown > MARKDOWN_TEXT {
            self.say(at, format_args!("markdown text must be less than {} characters in all", MARKDOWN_TEXT + 1));
        }
        if self.tables > TABLES {
            self.say(at, format_args!("only {TABLES} table block is allowed"));
        }
        if self.focused > 1 {
            self.say(at, "only one element may have focus_on_load");
        }
    }

    fn block(&mut self, block: &Value, at: &str) {
        let kind = block.get("type").and_then(Value::as_str);
        let Some(kind) = kind else {
            self.object(block, at, &["block_id"], &["type"]);
            return;
        };
        let here = match (kind, self.surface) {
            ("alert" | "data_visualization", surface) => surface != Surface::Message || kind != "alert",
            (
                "markdown" | "table" | "data_table" | "card" | "carousel" | "context_actions" | "task_card" | "plan" | "file",
                surface,
            ) => surface == Surface::Message,
            (
                "section" | "actions" | "context" | "divider" | "header" | "image" | "input" | "rich_text" | "video"
                | "container",
                _,
            ) => true,
            _ => false,
        };
        if !here {
            self.say(&format!("{at}/type"), format_args!("unsupported type: {kind}"));
            return;
        }
        let (known, required): (&[&str], &[&str]) = match kind {
            "section" => (&["type", "block_id", "text", "fields", "accessory", "expand"], &[]),
            "actions" | "context" => (&["type", "block_id", "elements"], &["elements"]),
            "divider" => (&["type", "block_id"], &[]),
            "header" => (&["type", "block_id", "text", "level"], &["text"]),
            "image" => (&["type", "block_id", "image_url", "slack_file", "alt_text", "title"], &["alt_text"]),
            "input" => (&["type", "block_id", "label", "element", "dispatch_action", "hint", "optional"], &["label", "element"]),
            "markdown" => (&["type", "block_id", "text"], &["text"]),
            "rich_text" => (&["type", "block_id", "elements"], &["elements"]),
            "table" => (&["type", "block_id", "rows", "column_settings"], &["rows"]),
            // The newer ones: their surface and their block_id are checked, their insides are not.
            _ => {
                self.block_id(block, at);
                return;
            }
        };
        let Some(object) = self.object(block, at, known, required) else { return };
        self.block_id(block, at);
        match kind {
            "section" => self.section(object, at),
            "actions" => self.actions(object, at),
            "context" => self.context(object, at),
            "header" => self.text(object, "text", at, Text::Plain, HEADER_TEXT),
            "image" => self.image(object, at),
            "input" => self.input(object, at),
            "markdown" => {
                self.string(object, "text", at, 1, MARKDOWN_TEXT);
                self.markdown += object.get("text").and_then(Value::as_str).map_or(0, |text| text.chars().count());
            }
            "table" => self.table(object, at),
            _ => {}
        }
    }

    fn block_id(&mut self, block: &Value, at: &str) {
        let Some(object) = block.as_object() else { return };
        self.string(object, "block_id", at, 0, ID);
        if let Some(id) = object.get("block_id").and_then(Value::as_str).filter(|id| !id.is_empty())
            && !self.block_ids.insert(id.to_owned())
        {
            self.say(&format!("{at}/block_id"), format_args!("`block_id` \"{id}\" already exists"));
        }
    }

    fn section(&mut self, block: &Map<String, Value>, at: &str) {
        if !block.contains_key("text") && !block.contains_key("fields") {
            self.say(at, "missing required field: text");
        }
        self.text(block, "text", at, Text::Any, SECTION_TEXT);
        self.boolean(block, &["expand"], at);
        if let Some(fields) = block.get("fields") {
            let at = format!("{at}/fields");
            for (n, field) in self.list(fields, &at, 1, SECTION_FIELDS).iter().enumerate() {
                self.text_value(field, &format!("{at}/{n}"), Text::Any, FIELD_TEXT);
            }
        }
        if let Some(accessory) = block.get("accessory") {
            self.element(accessory, &format!("{at}/accessory"), super::elements::SECTION);
        }
    }

    fn actions(&mut self, block: &Map<String, Value>, at: &str) {
        let Some(elements) = block.get("elements") else { return };
        let at = format!("{at}/elements");
        let mut seen = BTreeSet::new();
        for (n, element) in self.list(elements, &at, 1, ACTIONS_ELEMENTS).iter().enumerate() {
            self.element(element, &format!("{at}/{n}"), super::elements::ACTIONS);
            if let Some(id) = element.get("action_id").and_then(Value::as_str)
                && !seen.insert(id)
            {
                self.say(&format!("{at}/{n}/action_id"), format_args!("`action_id` \"{id}\" already exists"));
            }
        }
    }

    fn context(&mut self, block: &Map<String, Value>, at: &str) {
        let Some(elements) = block.get("elements") else { return };
        let at = format!("{at}/elements");
        for (n, element) in self.list(elements, &at, 1, CONTEXT_ELEMENTS).iter().enumerate() {
            let at = format!("{at}/{n}");
            match element.get("type").and_then(Value::as_str) {
                Some("image") => self.element(element, &at, super::elements::CONTEXT),
                _ => self.text_value(element, &at, Text::Any, SECTION_TEXT),
            }
        }
    }

    pub(super) fn image(&mut self, image: &Map<String, Value>, at: &str) {
        if image.contains_key("image_url") == image.contains_key("slack_file") {
            self.say(at, "exactly one of image_url and slack_file must be given");
        }
        self.string(image, "image_url", at, 1, URL);
        self.string(image, "alt_text", at, 0, ALT_TEXT);
        self.text(image, "title", at, Text::Plain, IMAGE_TITLE);
    }

    fn input(&mut self, block: &Map<String, Value>, at: &str) {
        self.text(block, "label", at, Text::Plain, INPUT_LABEL);
        self.text(block, "hint", at, Text::Plain, INPUT_HINT);
        self.boolean(block, &["dispatch_action", "optional"], at);
        if let Some(element) = block.get("element") {
            self.element(element, &format!("{at}/element"), super::elements::INPUT);
        }
    }

    fn table(&mut self, block: &Map<String, Value>, at: &str) {
        self.tables += 1;
        let Some(rows) = block.get("rows") else { return };
        let at = format!("{at}/rows");
        for (n, row) in self.list(rows, &at, 1, TABLE_ROWS).iter().enumerate() {
            self.list(row, &format!("{at}/{n}"), 1, TABLE_COLUMNS);
        }
    }
}
