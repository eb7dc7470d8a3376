//! An integration by YAML alone: its manifest is all that grammar, help and form know of it.

use p0::catalog::form::{Common, Form, Widget};
use p0::desk::Said;
use p0::domain::time::Span;
use p0::playground::blocks::check_view;
use p0::surfaces::slack::modal;

use crate::harness::world::{Database, World};

#[tokio::test]
async fn a_made_up_integration_has_grammar_help_and_a_form() {
    let world = World::new(Database::Sqlite).await;
    let desk = &world.app.desk;

    let Said::Text(help) = desk.read("/p0", "request depot room --help", None) else { panic!("help is text") };
    insta::assert_snapshot!(help.trim_end(), @r"
    /p0 request depot room <room>
    Room with its gate in Depot. Opens the gate first, then the room.

    Arguments:
      <room>  Room. List: /p0 ls depot room room

    Options:
      --reason <text>    Why you need it; in quotes when it has several words
      --duration <time>  For how long: 30m, 2h, 1 day
      --break-glass      Needed now, before anybody can decide; everybody will be told
      --approved         Only if it needs no approver
      --help             Show help instead of doing anything
    ");

    let Said::Request(draft) = desk.read("/p0", "request store shelf b --duration 30m --reason 'stock take'", None) else {
        panic!("complete")
    };
    assert_eq!((draft.integration.as_deref(), draft.values.get("shelf").map(String::as_str)), (Some("depot"), Some("b")));
    assert_eq!(draft.duration, Some(Span::minutes(30)));

    let Said::Text(mistake) = desk.read("/p0", "request depot shlf b", None) else { panic!("a mistake is text") };
    insta::assert_snapshot!(mistake.trim_end(), @r#"
    request depot shlf b
                  ^^^^
    There is no access type "shlf" in Depot; did you mean "shelf"?
    Instead: /p0 request depot shelf b
    More: /p0 request depot --help
    "#);

    let Said::Text(mistake) = desk.read("/p0", "request depot room vaultt", None) else { panic!("a mistake is text") };
    insta::assert_snapshot!(mistake.trim_end(), @r#"
    request depot room vaultt
                       ^^^^^^
    There is no room "vaultt"; did you mean "vault"?
    Instead: /p0 request depot room vault
    More: /p0 request depot room --help
    "#);

    let Said::Form(draft) = desk.read("/p0", "request depot room --reason audit", None) else { panic!("incomplete") };
    let common = Common { durations: &[Span::hours(1)], reason_required: false };
    let form = Form::new(&desk.catalog(), desk.index(), &draft, common);
    let fields: Vec<&str> = form.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(fields, ["integration", "access_type", "room", "reason", "duration"]);
    assert!(matches!(&form.fields[2].widget, Widget::Choice(rooms) if rooms.len() == 2));
    assert_eq!(form.fields[3].value.as_deref(), Some("audit"));

    // Slack would take the modal, and what was typed stands in it.
    let modal = modal::ask(&form, None);
    assert_eq!(check_view(&modal), Vec::<String>::new());
    assert!(modal.to_string().contains("audit"));
}
