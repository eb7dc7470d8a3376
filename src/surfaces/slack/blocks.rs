//! The pieces Slack messages and views are built of, and the only place that escapes and cuts.
//!
//! Plain JSON and not slack-morphism's types: those know no limits, and read a mistyped block as an
//! unknown one without a word; what is built here is what the tests measure and what is sent.
//! Text of people and targets goes through [`line`], [`quote`] or [`code`], never straight into a
//! block: a reason such as `<!channel>` would call the whole channel.

use serde_json::{Value as Json, json};

use crate::domain::time::Time;

/// Slack's limits, in characters. We count UTF-16 units after escaping, which is never less.
pub mod limit {
    pub const MESSAGE_TEXT: usize = 4000;
    pub const VIEW_BLOCKS: usize = 100;
    pub const SECTION: usize = 3000;
    pub const FIELDS: usize = 10;
    pub const HEADER: usize = 150;
    pub const BUTTON: usize = 75;
    pub const ACCESSIBILITY: usize = 75;
    pub const OPTIONS: usize = 100;
    pub const OPTION: usize = 75;
    pub const OPTION_VALUE: usize = 150;
    pub const PLACEHOLDER: usize = 150;
    pub const LABEL: usize = 2000;
    pub const TITLE: usize = 24;
    pub const CONFIRM_TITLE: usize = 100;
    pub const CONFIRM_TEXT: usize = 300;
    pub const CONFIRM_BUTTON: usize = 30;
    pub const ID: usize = 255;
    pub const METADATA: usize = 3000;
    pub const INPUT: usize = 3000;
}

/// How many lines of a reason are shown.
const QUOTED_LINES: usize = 12;

/// No text is read further than this: more than any place can show.
const LONGEST: usize = 8_000;

/// Characters that reorder or hide what stands around them.
fn misleading(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        || ('\u{e0000}'..='\u{e007f}').contains(&c)
}

fn right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

fn size(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Cuts on a character, with an ellipsis.
pub fn cut(text: &str, limit: usize) -> String {
    cut_by(text, limit, |c| c.to_string())
}

fn escaped(c: char) -> String {
    match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        c => c.to_string(),
    }
}

/// Cuts so that what `write` makes of each character fits, and no written piece is torn.
fn cut_by(text: &str, limit: usize, write: impl Fn(char) -> String) -> String {
    let (mut kept, mut used) = (String::new(), 0);
    let mut fits_with_ellipsis = 0;
    for c in text.chars() {
        let piece = write(c);
        used += size(&piece);
        if used > limit {
            kept.truncate(fits_with_ellipsis);
            kept.truncate(kept.trim_end().len());
            kept.push('…');
            return kept;
        }
        kept.push_str(&piece);
        if used < limit {
            fits_with_ellipsis = kept.len();
        }
    }
    kept
}

/// One line for a `plain_text` object: no line breaks, nothing that misleads.
pub fn plain(text: &str, limit: usize) -> String {
    cut(&single(text), limit)
}

/// One line for mrkdwn.
pub fn line(text: &str, limit: usize) -> String {
    cut_by(&single(text), limit, escaped)
}

fn single(text: &str) -> String {
    let seen: String =
        text.chars().take(LONGEST).filter(|c| !misleading(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let joined = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    // Right-to-left text keeps to itself, so that the words around it stay where they are.
    if joined.chars().any(right_to_left) { format!("\u{2068}{joined}\u{2069}") } else { joined }
}

/// What a person wrote, as a mrkdwn quotation: every line of it, no blank ones, no flood.
pub fn quote(text: &str, limit: usize) -> String {
    let mut lines: Vec<String> = text.lines().map(single).filter(|line| !line.is_empty()).take(QUOTED_LINES + 1).collect();
    let more = lines.len() > QUOTED_LINES;
    lines.truncate(QUOTED_LINES);
    if more {
        lines.push("…".to_owned());
    }
    let marks = 2 * lines.len();
    let whole = cut_by(&lines.join("\n"), limit.saturating_sub(marks), escaped);
    let quoted = |text: &str| text.lines().map(|line| format!("> {line}")).collect::<Vec<_>>().join("\n");
    let linked = quoted(&whole.lines().map(linked).collect::<Vec<_>>().join("\n"));
    if size(&linked) <= limit { linked } else { quoted(&whole) }
}

/// Makes the web addresses in an escaped line links that say where they lead: a ticket is to be opened.
fn linked(line: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_end_matches(['.', ',', ':', '!', '?', ')']);
        let whole = !word.ends_with('…'); // an address that was cut leads elsewhere
        let good = whole && bare.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.contains(['|', '`', '"']));
        if good { format!("<{bare}>{}", &word[bare.len()..]) } else { word.to_owned() }
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// What a person or a target wrote, in a code block that it cannot end.
pub fn code(text: &str, limit: usize) -> String {
    let shown = text
        .trim_matches('\n')
        .chars()
        .take(LONGEST)
        .filter(|c| !misleading(*c) && (!c.is_control() || *c == '\n'))
        .collect::<String>();
    let room = limit.saturating_sub(6);
    let apart = apart(&cut_by(&shown, room, escaped));
    let fits = if size(&apart) > room { cut(&apart, room) } else { apart };
    format!("```{fits}```")
}

/// Keeps backticks from meeting each other or the fence. A single one stays as it was, to be copied.
fn apart(text: &str) -> String {
    let mut kept = String::new();
    let mut after_tick = true;
    for c in text.chars() {
        if c == '`' && after_tick {
            kept.push('\u{200b}');
        }
        kept.push(c);
        after_tick = c == '`';
    }
    if kept.ends_with('`') {
        kept.push('\u{200b}');
    }
    kept
}

/// A time in the reader's own zone; UTC where that is not known.
pub fn date(at: Time) -> String {
    let fallback = at.to_string();
    let fallback = fallback.rsplit_once(':').map_or(fallback.clone(), |(minutes, _)| format!("{minutes} UTC"));
    format!("<!date^{}^{{date_short_pretty}} at {{time}}|{fallback}>", at.seconds())
}

/// Somebody by their Slack id. `None` when that has not the form of one.
pub fn mention(handle: &str) -> Option<String> {
    slack_id(handle, &['U', 'W']).then(|| format!("<@{handle}>"))
}

/// A Slack user group. Naming it calls all its members.
pub fn mention_group(id: &str) -> Option<String> {
    slack_id(id, &['S']).then(|| format!("<!subteam^{id}>"))
}

fn slack_id(id: &str, kinds: &[char]) -> bool {
    id.starts_with(kinds) && (2..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// A link, if the URL is one we can write down.
pub fn link(url: &str, label: &str) -> Option<String> {
    let good = url.starts_with("https://")
        && url.len() <= 3000
        && !url.contains(|c: char| c.is_whitespace() || c.is_control() || "<>|".contains(c));
    good.then(|| format!("<{}|{}>", url.replace('&', "&amp;"), line(label, 200).replace('|', "/")))
}

pub fn plain_text(text: &str, limit: usize) -> Json {
    json!({ "type": "plain_text", "text": plain(text, limit), "emoji": false })
}

/// mrkdwn that was put together from escaped pieces. `verbatim`: Slack links nothing in it by itself.
fn mrkdwn(text: &str) -> Json {
    json!({ "type": "mrkdwn", "text": text, "verbatim": true })
}

pub fn header(text: &str) -> Json {
    json!({ "type": "header", "text": plain_text(text, limit::HEADER) })
}

pub fn section(text: &str) -> Json {
    json!({ "type": "section", "text": mrkdwn(text) })
}

/// Titles with values, in as many sections as they need.
pub fn fields(pairs: &[(String, String)]) -> Vec<Json> {
    let field = |(title, value): &(String, String)| mrkdwn(&format!("*{}*\n{}", line(title, 200), line(value, 600)));
    let sections = pairs.chunks(limit::FIELDS);
    sections.map(|chunk| json!({ "type": "section", "fields": chunk.iter().map(field).collect::<Vec<_>>() })).collect()
}

pub fn context(text: &str) -> Json {
    json!({ "type": "context", "elements": [mrkdwn(text)] })
}

pub fn actions(block_id: &str, elements: Vec<Json>) -> Json {
    json!({ "type": "actions", "block_id": block_id, "elements": elements })
}

/// How a button looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Plain,
    Primary,
    Danger,
}

/// `spoken` is what a screen reader says: buttons that repeat must tell themselves apart.
pub fn button(action_id: &str, text: &str, value: &str, look: Look, spoken: &str) -> Json {
    let mut button = json!({
        "type": "button",
        "action_id": action_id,
        "text": plain_text(text, limit::BUTTON),
        "value": value,
        "accessibility_label": plain(spoken, limit::ACCESSIBILITY),
    });
    match look {
        Look::Plain => {}
        Look::Primary => button["style"] = json!("primary"),
        Look::Danger => button["style"] = json!("danger"),
    }
    button
}

/// Asks once more before `button` does what it says.
pub fn confirmed(mut button: Json, title: &str, text: &str, yes: &str, no: &str) -> Json {
    button["confirm"] = json!({
        "title": plain_text(title, limit::CONFIRM_TITLE),
        "text": plain_text(text, limit::CONFIRM_TEXT),
        "confirm": plain_text(yes, limit::CONFIRM_BUTTON),
        "deny": plain_text(no, limit::CONFIRM_BUTTON),
        "style": "danger",
    });
    button
}

/// An option. `None` when its value is longer than Slack can carry, or empty.
pub fn option(value: &str, label: &str) -> Option<Json> {
    let label = if single(label).is_empty() { value } else { label };
    let fits = !value.is_empty() && size(value) <= limit::OPTION_VALUE && !single(label).is_empty();
    fits.then(|| json!({ "text": plain_text(label, limit::OPTION), "value": value }))
}

/// A select of at most 100 options; `chosen` is the value that is selected at first.
pub fn select(action_id: &str, placeholder: &str, options: Vec<Json>, chosen: Option<&str>) -> Json {
    let options: Vec<Json> = options.into_iter().take(limit::OPTIONS).collect();
    let initial = options.iter().find(|option| chosen.is_some() && option["value"].as_str() == chosen).cloned();
    let mut select = json!({
        "type": "static_select",
        "action_id": action_id,
        "placeholder": plain_text(placeholder, limit::PLACEHOLDER),
        "options": options,
    });
    if let Some(initial) = initial {
        select["initial_option"] = initial;
    }
    select
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_person_writes_pings_or_links() {
        assert_eq!(line("<!channel> <@U1> a & b", 100), "&lt;!channel&gt; &lt;@U1&gt; a &amp; b");
        assert_eq!(quote("<!here>\n\n\n> me", 100), "> &lt;!here&gt;\n> &gt; me");
        assert_eq!(mention("U1> <!channel"), None);
        assert_eq!(mention("U024BE7LH").as_deref(), Some("<@U024BE7LH>"));
        assert_eq!(mention_group("U024BE7LH"), None);
        assert_eq!(link("javascript:alert(1)", "x"), None);
        assert_eq!(link("https://a.example/|<!channel>", "x"), None);
        assert_eq!(
            link("https://a.example/?a=1&b=2", "the <b>").as_deref(),
            Some("<https://a.example/?a=1&amp;b=2|the &lt;b&gt;>")
        );
    }

    #[test]
    fn addresses_in_a_reason_can_be_opened_and_show_where_they_lead() {
        assert_eq!(
            quote("see https://t.example/INC-42?a=1&b=2, please", 200),
            "> see <https://t.example/INC-42?a=1&amp;b=2>, please"
        );
        for text in ["http://t.example", "https://", "https://t.example/|<!channel>", "xhttps://t.example"] {
            assert_eq!(quote(text, 200), format!("> {}", line(text, 200)), "{text}");
        }
        assert_eq!(quote("https://t.example/long/path", 20), "> https://t.example…");
    }

    #[test]
    fn cutting_tears_no_character_and_no_entity() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("🦀🦀🦀", 5), "🦀🦀…");
        assert_eq!(line("&&&", 11), "&amp;&amp;…");
        for limit in 1..40 {
            for text in ["<&>é🦀 <!channel> ñ", "```a``b`c````", &"x\n".repeat(40)] {
                assert!(size(&line(text, limit)) <= limit, "{limit}");
                assert!(size(&code(text, limit + 6)) <= limit + 6, "{limit}");
                assert!(size(&quote(text, limit + 26)) <= limit + 26, "{limit}");
            }
        }
    }

    #[test]
    fn code_cannot_be_closed_from_inside() {
        let shown = code("a ``` *b* ```` <!channel>", 3000);
        let inner = shown.strip_prefix("```").and_then(|rest| rest.strip_suffix("```")).expect("fenced");
        assert!(!inner.contains("``"), "{inner}");
        assert!(!inner.contains('<'));
        assert_eq!(code("psql -h `x`\n  -U a\n", 3000), "```psql -h `x`\n  -U a```");
    }

    #[test]
    fn text_that_reorders_or_hides_is_made_plain() {
        assert_eq!(line("evil\u{202e}nimda", 100), "evilnimda");
        assert_eq!(line("a\u{0}b\r\nc\td", 100), "a b c d");
        assert_eq!(line("שלום", 100), "\u{2068}שלום\u{2069}");
        assert_eq!(quote(&"x\n".repeat(500), 3000).lines().count(), QUOTED_LINES + 1);
    }

    #[test]
    fn a_time_is_in_the_readers_zone_and_has_utc_to_fall_back_on() {
        assert_eq!(date(Time(1_800_000_000_000)), "<!date^1800000000^{date_short_pretty} at {time}|2027-01-15 08:00 UTC>");
    }
}
