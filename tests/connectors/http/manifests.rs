//! Mistakes in a manifest and in its section of the configuration: each is a sentence at its place.

use p0::catalog::{Catalog, Index, Offers};
use p0::domain::access::Observed;

use super::world::{MANIFEST, Page, Secret, built};

const CONFIG: &str = "    url: https://members.acme.example/app/\n    token: { file: TOKEN }\n";

/// What is told of a manifest in which this is replaced by that.
fn told(this: &str, that: &str) -> String {
    assert!(this.is_empty() || MANIFEST.contains(this), "{this}");
    let secret = Secret::new("a-token");
    let config = CONFIG.replace("TOKEN", &secret.0.display().to_string());
    match built(&config, &MANIFEST.replacen(this, that, 1)) {
        Ok(_) => "no mistake\n".to_owned(),
        Err(mistake) => format!("{mistake}\n"),
    }
}

/// What is told of a configuration in which this is replaced by that.
fn configured(this: &str, that: &str) -> String {
    let secret = Secret::new("a-token");
    let config = CONFIG.replacen(this, that, 1).replace("TOKEN", &secret.0.display().to_string());
    match built(&config, MANIFEST) {
        Ok(_) => "no mistake\n".to_owned(),
        Err(mistake) => format!("{mistake}\n").replace(&secret.0.display().to_string(), "TOKEN"),
    }
}

#[test]
fn a_mistake_in_the_calls_names_its_place() {
    assert_eq!(told("", ""), "no mistake\n");
    let all = [
        ("base: \"{{ config.url }}\"\n", ""),
        ("auth: { bearer: token }", "auth: { baerer: token }"),
        ("{{ email }}", "{{ mail }}"),
        ("/api/people/{{ email }}", "api/people/{{ email }}"),
        ("id: /id, name", "id: id, name"),
        ("email: /email, ", ""),
        ("absent: [404] }", "absent: [302] }"),
        ("note: \"{{ mark }}\", ", "note: \"{{ mark }} {{ config.token }}\", "),
        ("/{{ club }}/{{ principal }}\"", "/{{ club }}\""),
        ("    key: \"club/{{ club }}/{{ principal }}\"\n", ""),
        ("equals: \"{{ principal }}\"", "equals: \"{{ principal\""),
        ("      post:", "      put: /x\n      post:"),
        ("      done: [204, 404]", "      done: []"),
        ("      done: [204, 404]", "      done: [204, 401]"),
        ("note: \"{{ mark }}\", ", ""),
        ("mark: /note, handle: /id }", "mark: /note }"),
        ("mark: /note, handle: /id }", "handle: /id }"),
        ("      args: { club: /club }", "      args: {}"),
        ("      next: link\n      absent", "      next: body\n      absent"),
        ("- name: club", "- name: mark"),
        ("        kind: choice", "        optional: true\n        kind: choice"),
        ("items: /clubs", "item: /clubs"),
        (
            "      handle: /id\n    revoke:\n      delete: \"/api/memberships/{{ handle }}\"",
            "      handle: /id\n    revoke:\n      delete: /api/x",
        ),
    ];
    insta::assert_snapshot!(all.map(|(this, that)| told(this, that)).concat(), @r#"
    members.yaml: base is missing; write base: "{{ config.url }}"
    members.yaml: error: line 10 column 9: unknown key `baerer`; did you mean `bearer`?
      --> <input>:10:9
       |
     8 | # a file like this one.
     9 | base: "{{ config.url }}"
    10 | auth: { baerer: token }
       |         ^ did you mean `bearer`?
    11 |
    12 | principal: { get: "/api/people/{{ email }}", id: /id, name: /name, email:…
       |
    members.yaml: line 12 column 19: there is no {{ mail }} here, only config.…, email
      12 | principal: { get: "/api/people/{{ mail }}", id: /id, name: /name, email: /email, absent: [404] }
         |                   ^
    members.yaml: line 12 column 19: a path begins with one / and goes on without //, .. and ?; what comes behind ? stands under query
      12 | principal: { get: "api/people/{{ email }}", id: /id, name: /name, email: /email, absent: [404] }
         |                   ^
    members.yaml: line 12 column 50: this is no JSON Pointer; write "/name", "/profile/name", or "" for the whole
      12 | principal: { get: "/api/people/{{ email }}", id: id, name: /name, email: /email, absent: [404] }
         |                                                  ^
    members.yaml: error: line 12 column 68: missing field `email`
      --> <input>:12:66
       |
    10 | …h: { bearer: token }
    11 |
    12 | …ncipal: { get: "/api/people/{{ email }}", id: /id, name: /name, absent: [404] }
       |                                                                  ^ missing field `email`
    13 |
    14 | …ess:
       |
    members.yaml: line 12 column 92: the status 302 is not for a manifest to explain: redirects, refusals (401, 403, 407), waiting (408, 425, 429) and failures (5xx) mean the same everywhere
      12 | principal: { get: "/api/people/{{ email }}", id: /id, name: /name, email: /email, absent: [302] }
         |                                                                                            ^
    members.yaml: line 10 column 17: config.token is the token, which goes into no address and no body; let a call name something else
      10 | auth: { bearer: token }
         |                 ^
    members.yaml: line 29 column 10: everybody would have the same key; put {{ principal }} into it
      29 |     key: "club/{{ club }}"
         |          ^
    members.yaml: access.club: key is missing; write key: "group/{{ group }}/{{ principal }}"
    members.yaml: line 35 column 50: this cannot be filled in: unexpected end of input, expected end of variable block; write {{ name }}
      35 |       held: { in: /members, at: /person, equals: "{{ principal", mark: /note, handle: /id }
         |                                                  ^
    members.yaml: line 37 column 12: grant is one call: post, put, patch or delete, and its path
      37 |       put: /x
         |            ^
    members.yaml: line 43 column 13: this list is empty; write which answers mean that it is done, like [200, 201]
      43 |       done: []
         |             ^
    members.yaml: line 43 column 19: the status 401 is not for a manifest to explain: redirects, refusals (401, 403, 407), waiting (408, 425, 429) and failures (5xx) mean the same everywhere
      43 |       done: [204, 401]
         |                   ^
    members.yaml: line 35 column 75: a mark is looked for here that "grant" never writes; put {{ mark }} into its body
      35 |       held: { in: /members, at: /person, equals: "{{ principal }}", mark: /note, handle: /id }
         |                                                                           ^
    members.yaml: line 42 column 15: there is no {{ handle }} here, only club, config.…, principal, mark
      42 |       delete: "/api/memberships/{{ handle }}"
         |               ^
    members.yaml: line 48 column 13: a mark is listed here that "observe" does not know; write mark: under its held
      48 |       mark: /note
         |             ^
    members.yaml: line 50 column 13: say where each entry names its club: club: /club
      50 |       args: {}
         |             ^
    members.yaml: error: line 33 column 13: unknown variant `body`, expected one of link
      --> <input>:33:13
       |
    31 |       get: "/api/clubs/{{ club }}/members"
    32 |       query: { person: "{{ principal }}" }
    33 |       next: body
       |             ^ unknown variant `body`, expected one of link
    34 |       absent: [404]
    35 |       held: { in: /members, at: /person, equals: "{{ principal }}", mark: /no…
       |
    members.yaml: line 20 column 15: {{ mark }} means something of its own in calls; choose another name
      20 |       - name: mark
         |               ^
    members.yaml: line 30 column 10: there is no {{ club }} here, only principal
      30 |     key: "club/{{ club }}/{{ principal }}"
         |          ^
    members.yaml: error: line 53 column 41: unknown key `item`; did you mean `items`?
      --> <input>:53:41
       |
    51 |
    52 | sources:
    53 |   clubs: { get: /api/clubs, next: link, item: /clubs, value: /id, label: /name }
       |                                         ^ did you mean `items`?
    members.yaml: line 40 column 15: "revoke" has no use for this; put {{ handle }} into it, or leave this out
      40 |       handle: /id
         |               ^
    "#);
}

#[test]
fn a_mistake_in_the_configuration_names_its_place() {
    let all = [
        ("    url: https://members.acme.example/app/\n", ""),
        ("https://members.acme.example/app/", "members"),
        ("https://members.acme.example/app/", "http://members.acme.example"),
        ("https://members.acme.example/app/", "https://me:secret@members.acme.example"),
        ("    token: { file: TOKEN }\n", ""),
        ("{ file: TOKEN }", "{ env: P0_NO_SUCH_VARIABLE }"),
        ("{ file: TOKEN }", "hunter2"),
        ("    token", "    region: eu\n    token"),
    ];
    insta::assert_snapshot!(all.map(|(this, that)| configured(this, that)).concat(), @r#"
    p0.yaml: integrations.members: url is missing, and members.yaml asks for it; write url: and its value
    p0.yaml: line 3 column 10: this is no address; write one like https://api.acme.example
       3 |     url: members
         |          ^
    p0.yaml: line 3 column 10: this is not safe to send a token to; use https, or http to this machine only
       3 |     url: http://members.acme.example
         |          ^
    p0.yaml: integrations.members: an address holds no password; the token has a key of its own
    p0.yaml: integrations.members: token is never written here; write token: { env: NAME } or { file: /path }
    p0.yaml: line 4 column 12: the environment variable P0_NO_SUCH_VARIABLE is not set; set it, or write { file: /path/to/a/file } here instead
       4 |     token: { env: P0_NO_SUCH_VARIABLE }
         |            ^
    p0.yaml: integrations.members: token is never written here; write token: { env: NAME } or { file: /path }
    p0.yaml: line 4 column 5: members.yaml has no use for "region"; it asks for url, token
       4 |     region: eu
         |     ^
    "#);
    let secret = Secret::new("two words");
    let config = CONFIG.replace("TOKEN", &secret.0.display().to_string());
    let told = built(&config, MANIFEST).err().expect("no token").to_string();
    assert!(told.contains("this is no token") && !told.contains("two words"), "{told}");
}

#[tokio::test]
async fn the_manifest_in_the_documentation_works() {
    let page = include_str!("../../../docs/http.md");
    let (_, rest) = page.split_once("```yaml\n").expect("a manifest");
    let (manifest, _) = rest.split_once("```").expect("its end");
    let theirs = [("http.yaml".to_owned(), manifest.to_owned())];
    let catalog = Catalog::load(&[], &theirs, &|_| Some(Offers::Manifest)).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    assert!(catalog.get("members").is_some());

    let (_, rest) = page.split_once("```yaml\n    cures:\n").expect("the error it cures");
    let (cures, _) = rest.split_once("```").expect("its end");
    let theirs = [("http.yaml".to_owned(), manifest.replacen("    key:", &format!("    cures:\n{cures}    key:"), 1))];
    let catalog = Catalog::load(&[], &theirs, &|_| Some(Offers::Manifest)).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let draft = catalog.cure("403: you are no member of club \"chess\"", &Index::new()).expect("cured");
    assert_eq!(draft.values, [("club".to_owned(), "chess".to_owned())].into());

    let page = Page::with(manifest).await;
    let mut planned = page.planned("alice", "chess").await;
    page.grant(&mut planned).await;
    assert_eq!(page.seen(&planned).await, Observed::Ours);
    assert_eq!(page.connector.ours(&planned.mark[..8]).await.expect("listed")[0].planned.key, planned.key);
    page.connector.revoke(&planned).await.expect("revoked");
    assert_eq!(page.seen(&planned).await, Observed::Absent);
    assert_eq!(page.connector.choices("clubs").await.expect("listed").len(), 3);
}

#[tokio::test]
async fn a_manifest_without_marks_says_only_that_it_is_there() {
    let bare = MANIFEST.replace("mark: /note, handle: /id }", "handle: /id }");
    let (before, rest) = bare.split_once("    ours:\n").expect("ours");
    let (_, after) = rest.split_once("\nsources:").expect("sources");
    let page = Page::with(&format!("{before}\nsources:{after}")).await;
    let mut planned = page.planned("alice", "chess").await;
    page.grant(&mut planned).await;
    assert_eq!(page.seen(&planned).await, Observed::Held);
    assert_eq!(page.connector.ours("p0abc123").await, Ok(Vec::new()), "what bears no mark is nobody's");
    // Nobody can tell ours from another, but what was handed out for ours names no other.
    let theirs = planned.handle.replace("m-0".to_owned());
    page.connector.revoke(&planned).await.expect("revoked");
    assert!(page.members.entry("chess", "alice").is_some(), "not by the handle that is another's");
    for handle in [theirs, None] {
        planned.handle = handle; // None: the answer with it was lost
        page.connector.revoke(&planned).await.expect("revoked");
        assert_eq!(page.members.entry("chess", "alice"), None);
        page.connector.grant(&planned, page.soon()).await.expect("granted");
    }
}
