//! Names that could be taken for something else, and lists that are long.

use p0::domain::access::Observed;
use p0::domain::fault::Fault;
use p0::playground::members::{On, PAGE, Trouble};

use super::world::{MANIFEST, Page, ask, assignment, connector};

const HOSTILE: [&str; 9] = [
    "a/b",
    "../memberships/m-1",
    "%2e%2e/%2f",
    "?person=bob&x=#y",
    "Bücher 書 \u{1f4da}",
    "\"quoted\" 'club' \\ `x`",
    "{{ config.token }} {% x %}",
    "line\r\nX-Evil: 1",
    "...",
];

#[tokio::test]
async fn hostile_names_are_only_names() {
    let page = Page::new().await;
    for (number, club) in HOSTILE.iter().enumerate() {
        let person = format!("{number}{club}");
        page.members.has_club(club, "A club");
        page.members.has_person(&person, "A person", &format!("p{number}@acme.example"));
        let mut planned = assignment(page.connector.plan(&ask(&format!("p{number}@acme.example"), club)).await.expect("planned"));
        page.members.calls();
        page.grant(&mut planned).await;
        assert_eq!(page.members.entry(club, &person).map(|entry| entry.note), Some(planned.mark.clone()));
        assert_eq!(page.seen(&planned).await, Observed::Ours);
        let ours = page.connector.ours(&planned.mark[..8]).await.expect("listed");
        assert_eq!(ours.iter().map(|marked| marked.planned.key.as_str()).collect::<Vec<_>>(), [planned.key.as_str()]);
        page.connector.revoke(&planned).await.expect("revoked");
        assert_eq!(page.members.entry(club, &person), None);
        for call in page.members.calls() {
            let path = call.split(' ').nth(1).expect("a path").to_owned();
            assert!(call.split(' ').count() == 2 && path.split('/').count() <= 5, "one segment each: {call}");
        }
    }
}

#[tokio::test]
async fn what_would_lead_elsewhere_is_refused() {
    let page = Page::new().await;
    page.members.calls();
    for club in ["", ".", ".."] {
        let told = page.plan("alice", club).await.expect_err("no club");
        assert!(matches!(&told, Fault::Never { why } if why.contains("choose another")), "{told:?}");
    }
    // The same two letters in another order of slashes are another effect.
    page.members.has_person("b/c", "B", "b@acme.example");
    page.members.has_person("c", "C", "c@acme.example");
    let one = page.connector.plan(&ask("b@acme.example", "a")).await.expect("planned");
    let other = page.connector.plan(&ask("c@acme.example", "a/b")).await.expect("planned");
    assert_ne!(one.assignments[0].key, other.assignments[0].key);
}

#[tokio::test]
async fn nobody_without_an_account_gets_anything() {
    let page = Page::new().await;
    let told = page.plan("stranger", "chess").await.expect_err("nobody");
    assert_eq!(told, Fault::never("Members page has no account for stranger@acme.example; ask its owner for one"));
}

#[tokio::test]
async fn only_who_was_asked_for_is_found() {
    let page = Page::new().await;
    page.members.has_person("erin", "Erin", "Erin@ACME.example");
    assert_eq!(page.plan("erin", "chess").await.expect("planned").principal.native, "erin");
    // A search that finds somebody alike, and one that names nobody's address.
    let alike = Page::with(&MANIFEST.replace("{{ email }}", "alice@acme.example")).await;
    let told = alike.plan("bob", "chess").await.expect_err("somebody else");
    assert!(matches!(&told, Fault::Denied { why } if why.contains("somebody else than bob@acme.example")), "{told:?}");
    page.members.go_wrong(On::Read, &[Trouble::Mumbles(r#"{"id": "alice", "name": "Alice"}"#)]);
    let told = page.plan("alice", "chess").await.expect_err("nobody's");
    assert!(matches!(&told, Fault::Denied { why } if why.contains("without /email")), "{told:?}");
}

#[tokio::test]
async fn a_list_is_read_to_its_end() {
    // The whole list, not only the person's own entry.
    let page = Page::with(&MANIFEST.replace("      query: { person: \"{{ principal }}\" }\n", "")).await;
    for number in 0..PAGE * 2 {
        page.members.has_club(&format!("c{number}"), &format!("Club {number}"));
        page.members.joins("chess", &format!("x{number}"), "long before");
    }
    let clubs = page.connector.choices("clubs").await.expect("all");
    assert_eq!(clubs.len(), 3 + PAGE * 2);
    assert_eq!((clubs[3].value.as_str(), clubs[3].label.as_str()), ("c0", "Club 0"));
    let mut planned = page.planned("alice", "chess").await;
    page.grant(&mut planned).await;
    page.members.calls();
    assert_eq!(page.seen(&planned).await, Observed::Ours, "on the third page");
    assert_eq!(page.members.calls().len(), 3);
    assert_eq!(page.connector.ours(&planned.mark[..8]).await.expect("listed").len(), 1);

    // A page that cannot be had is no end of the list.
    page.members.joins("chess", "bob", "long before");
    let seen = |troubles: &[Trouble]| {
        page.members.go_wrong(On::Look, troubles);
        page.connector.observe(&planned)
    };
    let again = Trouble::Answers(200, Some(("link", "</api/clubs/chess/members?page=3>; rel=\"next\"".to_owned())));
    assert!(seen(&[again]).await.is_err(), "an answer without its list");
    assert!(seen(&[Trouble::Mumbles("{\"members\": [{\"id\": 1}]}")]).await.is_err(), "an entry that is nobody's");
    assert_eq!(seen(&[]).await, Ok(Observed::Ours));

    assert!(seen(&[Trouble::NeverEnds, Trouble::Answers(404, None)]).await.is_err(), "no list may end with what is lost");
    for links in [&["</x>; rel=\"prev\"", "<half"][..], &["</x>; rel=\"prev\"", "</y>; title=\"B\u{fc}cher\"; Rel = 'next'"]] {
        let told = seen(&[Trouble::Links(links)]).await.expect_err("nobody knows whether it goes on");
        assert!(matches!(&told, Fault::Denied { why } if why.contains("has a Link header that cannot be read")), "{told:?}");
    }
    let undeclared = connector(&page.members, &MANIFEST.replace("      next: link\n      absent", "      absent"));
    page.members.go_wrong(On::Look, &[Trouble::NeverEnds]);
    let told = undeclared.observe(&planned).await.expect_err("it goes on");
    assert!(matches!(&told, Fault::Denied { why } if why.contains("the manifest no \"next: link\"")), "{told:?}");

    page.members.go_wrong(On::Read, &vec![Trouble::NeverEnds; 2000]);
    let told = page.connector.choices("clubs").await.expect_err("no end");
    assert_eq!(told, Fault::later("Members page has more than 1000 pages for GET /api/clubs; it was not read"));
}
