//! The members page as people see it: one table, drawn anew every two seconds. It must never trust a name
//! or a note: they come from outside.

use serde_json::Value;

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
<meta name=\"viewport\" content=\"width=device-width\">\n<meta http-equiv=\"refresh\" content=\"2\">\n<title>Members</title>\n<style>\n\
body { font: 16px/1.5 system-ui, sans-serif; margin: 1.5rem; color: #1d1c1d; background: #fff }\n\
h1 { font-size: 1.3rem } h2 { font-size: 1rem; margin: 1.2rem 0 .3rem }\n\
table { border-collapse: collapse; table-layout: fixed; width: 100%; max-width: 50rem } th { width: 30% } th:nth-child(2) { width: 45% }\n\
th, td { text-align: left; vertical-align: top; padding: .2rem 1rem .2rem 0; border-bottom: 1px solid #ddd; overflow-wrap: anywhere }\n\
p { margin: 0; color: #555 }\n</style>\n</head>\n<body>\n<main>\n<h1>Members</h1>\n";

pub(super) fn draw(shown: &Value) -> String {
    let mut page = HEAD.to_owned();
    for club in shown["clubs"].as_array().into_iter().flatten() {
        page += &format!("<h2>{}</h2>\n", safe(&club["name"]));
        let members = club["members"].as_array().map(Vec::as_slice).unwrap_or_default();
        if members.is_empty() {
            page += "<p>Nobody.</p>\n";
            continue;
        }
        page += "<table>\n<tr><th scope=\"col\">Name</th><th scope=\"col\">Note</th><th scope=\"col\">Since (UTC)</th></tr>\n";
        for member in members {
            let since = member["since"].as_str().unwrap_or_default().replace('T', " ");
            let since = since.get(.."2026-01-31 12:00".len()).unwrap_or(&since);
            let cells = [&member["name"], &member["note"], &Value::from(since)].map(|cell| format!("<td>{}</td>", safe(cell)));
            page += &format!("<tr>{}</tr>\n", cells.concat());
        }
        page += "</table>\n";
    }
    page + "</main>\n</body>\n</html>\n"
}

fn safe(text: &Value) -> String {
    let text = text.as_str().unwrap_or_default();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_markup() {
        let club = |members: Value| serde_json::json!({ "clubs": [{ "name": "<b>&\"'", "members": members }] });
        let page = draw(&club(serde_json::json!([{ "name": "<script>", "note": "a", "since": "b" }])));
        assert!(page.contains("&lt;b&gt;&amp;&quot;&#39;") && page.contains("<td>&lt;script&gt;</td>"), "{page}");
        assert!(draw(&club(serde_json::json!([]))).contains("Nobody."));
    }
}
