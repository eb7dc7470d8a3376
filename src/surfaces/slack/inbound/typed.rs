//! The text of a slash command, without Slack's own writing of it.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::{anychar, char, one_of};
use nom::combinator::map;
use nom::multi::many0;
use nom::sequence::delimited;
use nom::{IResult, Parser};

/// Slack's own writing (`&amp;`, `<https://…|…>`, `<#C1|ops>`) as the person typed it. Mentions of people
/// stay as they are: the command grammar reads them.
pub fn typed(text: &str) -> String {
    let entity =
        alt((map(tag("&amp;"), |_| "&".to_owned()), map(tag("&lt;"), |_| "<".to_owned()), map(tag("&gt;"), |_| ">".to_owned())));
    let inner = take_while1(|c| c != '<' && c != '>');
    let link = map(delimited(char('<'), inner, char('>')), link);
    let other = map(anychar, String::from);
    let mut all = many0(alt((entity, link, other)));
    let read: IResult<&str, Vec<String>> = all.parse(text);
    read.map(|(_, pieces)| pieces.concat()).unwrap_or_else(|_| text.to_owned())
}

fn link(inner: &str) -> String {
    let (target, label) = match inner.split_once('|') {
        Some((target, label)) => (target, Some(label).filter(|label| !label.is_empty())),
        None => (inner, None),
    };
    let plain = |text: &str| text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let mark: IResult<&str, char> = one_of("@#!")(target);
    let Ok((name, mark)) = mark else {
        // Slack makes links of what looks like one; the label is then what was typed.
        let bare = target.trim_start_matches("mailto:").trim_start_matches("tel:");
        let bare = bare.trim_start_matches("https://").trim_start_matches("http://");
        let typed = label.filter(|label| bare.trim_end_matches('/') == label.trim_end_matches('/'));
        return plain(typed.unwrap_or(target.trim_start_matches("mailto:").trim_start_matches("tel:")));
    };
    match (mark, label) {
        ('@', _) => format!("<{}>", plain(inner)),
        ('#', label) => format!("#{}", plain(label.unwrap_or(name)).trim_start_matches('#')),
        (_, Some(label)) => plain(label),
        (_, None) => format!("@{}", name.split('^').next_back().unwrap_or(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::typed;

    #[test]
    fn what_slack_made_of_it_is_undone() {
        for (sent, meant) in [
            ("request --reason \"a &lt;b&gt; &amp; c\"", "request --reason \"a <b> & c\""),
            ("see <https://wiki.acme.example/x|wiki.acme.example/x>", "see wiki.acme.example/x"),
            ("see <https://wiki.acme.example/x>", "see https://wiki.acme.example/x"),
            ("to <mailto:bob@acme.example|bob@acme.example>", "to bob@acme.example"),
            ("in <#C1|ops>", "in #ops"),
            ("for <@U1|alice>", "for <@U1|alice>"),
            ("a < b", "a < b"),
        ] {
            assert_eq!(typed(sent), meant);
        }
    }
}
