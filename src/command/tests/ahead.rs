//! What is asked for somebody else, allowed ahead of time, or left to somebody else.

use super::all;

#[test]
fn somebody_else_is_named() {
    insta::assert_snapshot!(all(&[
        "grant lake dataset eu sales --to Bob@Example.com --reason INC-42",
        "grant lake dataset eu sales --to <@U123|bob> --principal-type user --duration 2 hours",
        "grant lake dataset eu sales --to=<@U123|bob>",
        "grant lake dataset eu sales",
        "grant lake dataset --to <@U123>",
        "grant --to bob@example.com",
        "grant",
    ]), @r#"
    > grant lake dataset eu sales --to Bob@Example.com --reason INC-42
    grant read sales in Europe to bob@example.com
      dataset="sales" mode="read" region="eu"
      because INC-42, for 4 hours

    > grant lake dataset eu sales --to <@U123|bob> --principal-type user --duration 2 hours
    grant read sales in Europe to <@U123>
      dataset="sales" mode="read" region="eu"
      because -, for 2 hours

    > grant lake dataset eu sales --to=<@U123|bob>
    grant read sales in Europe to <@U123>
      dataset="sales" mode="read" region="eu"
      because -, for 4 hours

    > grant lake dataset eu sales
    form grant lake dataset eu sales
      For whom is still missing.

    > grant lake dataset --to <@U123>
    form grant lake dataset --to <@U123>
      Still missing: Region, Dataset.

    > grant --to bob@example.com
    form grant --to bob@example.com
      

    > grant
    form grant
    "#);
}

#[test]
fn what_is_allowed_ahead_of_time() {
    insta::assert_snapshot!(all(&[
        "allow lake dataset eu sales --to <@U123|bob> --request-duration 2h",
        "allow lake dataset eu sales --to bob@example.com --length 3 days --requested-duration 2 hours --reason 'on call'",
        "allow lake dataset eu sales --to <@U123> --start 2026-12-24 --end 12/27/2026 --duration 1h",
        "allow lake dataset eu sales --to <@U123> --start 2026-12-24T09:00:00+02:00 --duration 1h",
        "allow lake dataset eu sales --to <@U123>",
        "allow lake dataset eu --start 2026-12-24 --length 2w",
        "allow",
    ]), @r#"
    > allow lake dataset eu sales --to <@U123|bob> --request-duration 2h
    allow read sales in Europe to <@U123>
      dataset="sales" mode="read" region="eu"
      because -, for 2 hours
      for 1 week 

    > allow lake dataset eu sales --to bob@example.com --length 3 days --requested-duration 2 hours --reason 'on call'
    allow read sales in Europe to bob@example.com
      dataset="sales" mode="read" region="eu"
      because on call, for 2 hours
      for 3 days 

    > allow lake dataset eu sales --to <@U123> --start 2026-12-24 --end 12/27/2026 --duration 1h
    allow read sales in Europe to <@U123>
      dataset="sales" mode="read" region="eu"
      because -, for 1 hour
      from 2026-12-24 00:00:00 UTC until 2026-12-27 00:00:00 UTC 

    > allow lake dataset eu sales --to <@U123> --start 2026-12-24T09:00:00+02:00 --duration 1h
    allow read sales in Europe to <@U123>
      dataset="sales" mode="read" region="eu"
      because -, for 1 hour
      from 2026-12-24 07:00:00 UTC for 1 week 

    > allow lake dataset eu sales --to <@U123>
    form allow lake dataset eu sales --to <@U123>
      How long each access lasts is still missing.

    > allow lake dataset eu --start 2026-12-24 --length 2w
    form allow lake dataset eu --start 2026-12-24 --length 2w
      Still missing: For whom, Dataset, How long each access lasts.

    > allow
    form allow
    "#);
}

#[test]
fn what_cannot_wait_and_what_must_not() {
    insta::assert_snapshot!(all(&[
        "request --break-glass lake dataset eu sales --reason 'the site is down'",
        "request lake dataset eu sales --approved",
        "request lake --break-glass",
        "request --approved",
    ]), @r#"
    > request --break-glass lake dataset eu sales --reason 'the site is down'
    request read sales in Europe
      dataset="sales" mode="read" region="eu"
      because the site is down, for 4 hours, break glass

    > request lake dataset eu sales --approved
    request read sales in Europe
      dataset="sales" mode="read" region="eu"
      because -, for 4 hours, only at once

    > request lake --break-glass
    form request lake --break-glass
      Choose a kind of access to Data Lake.

    > request --approved
    form request --approved
    "#);
}

#[test]
fn who_decides_meanwhile() {
    insta::assert_snapshot!(all(&[
        "away",
        "away --to <@U123|bob>",
        "away --to bob@example.com --until 2026-12-24",
        "Away --to bob@example.com --length 2 weeks",
        "back",
    ]), @r"
    > away
    away: how it is until None or for None

    > away --to <@U123|bob>
    away: <@U123> until None or for None

    > away --to bob@example.com --until 2026-12-24
    away: bob@example.com until Some(2026-12-24 00:00:00 UTC) or for None

    > Away --to bob@example.com --length 2 weeks
    away: bob@example.com until None or for Some(2 weeks)

    > back
    back
    ");
}

#[test]
fn a_mistake_points_at_its_word() {
    insta::assert_snapshot!(all(&[
        "request lake dataset eu sales --to bob@example.com",
        "request --to bob@example.com",
        "grant lake dataset eu sales --to bob",
        "grant --to",
        "grant --to bob@example.com --to <@U1>",
        "grant lake dataset eu sales --to bob@example.com --principal-type group",
        "grant lake dataset eu sales --to bob@example.com --principal-type robot",
        "grant lake dataset eu sales --to bob@example.com --break-glass",
        "grant lake dataset eu sales --tp bob@example.com",
        "request lake dataset eu sales --start 2026-12-24",
        "request lake dataset eu sales --break-glass=yes",
        "request lake dataset eu sales --brake-glass",
        "allow lake dataset eu sales --start tomorrow",
        "allow lake dataset eu sales --to <@U1> --start 2026-02-30 --duration 1h",
        "allow --end 24/12/2026",
        "allow --end",
        "allow --start 2026-12-24 --end 2026-12-24",
        "allow lake dataset eu sales --to <@U1> --end 2026-12-20 --start 2026-12-24 --duration 1h",
        "allow --end 2026-12-24 --length 1w",
        "allow --length soon",
        "allow lake dataset eu sales --to <@U1> --request-duration 3d",
        "allow lake dataset eu sales --to <@U1> --lenght 3d",
        "alow lake",
        "away bob@example.com",
        "away --until 2026-12-24",
        "away --to <@U1> --until 2026-12-24 --length 1w",
        "away --to <@U1> --unitl 2026-12-24",
        "back now",
        "back --to <@U1>",
        "ls lake --to x",
    ]), @r#"
    > request lake dataset eu sales --to bob@example.com
    request lake dataset eu sales --to bob@example.com
                                  ^^^^
    A request is for oneself; to ask for somebody else, begin with "grant".
    Instead: /p0 grant lake dataset eu sales --to bob@example.com
    More: /p0 request --help

    > request --to bob@example.com
    request --to bob@example.com
            ^^^^
    A request is for oneself; to ask for somebody else, begin with "grant".
    Instead: /p0 grant --to bob@example.com
    More: /p0 request --help

    > grant lake dataset eu sales --to bob
    grant lake dataset eu sales --to bob
                                     ^^^
    "bob" is nobody we can find; type an e-mail address, or mention the person.
    More: /p0 grant --help

    > grant --to
    grant --to
          ^^^^
    --to needs a value after it, like --to bob@example.com.
    More: /p0 grant --help

    > grant --to bob@example.com --to <@U1>
    grant --to bob@example.com --to <@U1>
                               ^^^^
    --to is given twice; leave one out.
    More: /p0 grant --help

    > grant lake dataset eu sales --to bob@example.com --principal-type group
    …et eu sales --to bob@example.com --principal-type group
                                                       ^^^^^
    Only people can be given access here yet.
    More: /p0 grant --help

    > grant lake dataset eu sales --to bob@example.com --principal-type robot
    …et eu sales --to bob@example.com --principal-type robot
                                                       ^^^^^
    There is no principal type "robot"; choose user.
    More: /p0 grant --help

    > grant lake dataset eu sales --to bob@example.com --break-glass
    grant lake dataset eu sales --to bob@example.com --break-glass
                                                     ^^^^^^^^^^^^^
    There is no option "--break-glass" here.
    More: /p0 grant lake dataset --help

    > grant lake dataset eu sales --tp bob@example.com
    grant lake dataset eu sales --tp bob@example.com
                                ^^^^
    There is no option "--tp" here; did you mean "--to"?
    Instead: /p0 grant lake dataset eu sales --to bob@example.com
    More: /p0 grant lake dataset --help

    > request lake dataset eu sales --start 2026-12-24
    request lake dataset eu sales --start 2026-12-24
                                  ^^^^^^^
    There is no option "--start" here.
    More: /p0 request lake dataset --help

    > request lake dataset eu sales --break-glass=yes
    request lake dataset eu sales --break-glass=yes
                                                ^^^
    --break-glass takes no value; write it alone.
    Instead: /p0 request lake dataset eu sales --break-glass
    More: /p0 request --help

    > request lake dataset eu sales --brake-glass
    request lake dataset eu sales --brake-glass
                                  ^^^^^^^^^^^^^
    There is no option "--brake-glass" here; did you mean "--break-glass"?
    Instead: /p0 request lake dataset eu sales --break-glass
    More: /p0 request lake dataset --help

    > allow lake dataset eu sales --start tomorrow
    allow lake dataset eu sales --start tomorrow
                                        ^^^^^^^^
    Invalid date for --start: write 2026-12-24 or 2026-12-24T09:00:00Z.
    More: /p0 allow --help

    > allow lake dataset eu sales --to <@U1> --start 2026-02-30 --duration 1h
    allow lake dataset eu sales --to <@U1> --start 2026-02-30 --duration 1h
                                                   ^^^^^^^^^^
    Invalid date for --start: write 2026-12-24 or 2026-12-24T09:00:00Z.
    More: /p0 allow --help

    > allow --end 24/12/2026
    allow --end 24/12/2026
                ^^^^^^^^^^
    Invalid date for --end: write 2026-12-24 or 2026-12-24T09:00:00Z.
    More: /p0 allow --help

    > allow --end
    allow --end
          ^^^^^
    --end needs a value after it, like --end 2026-12-24.
    More: /p0 allow --help

    > allow --start 2026-12-24 --end 2026-12-24
    allow --start 2026-12-24 --end 2026-12-24
                                   ^^^^^^^^^^
    The end must be after the start.
    More: /p0 allow --help

    > allow lake dataset eu sales --to <@U1> --end 2026-12-20 --start 2026-12-24 --duration 1h
    allow lake dataset eu sales --to <@U1> --end 2026-12-20 --start 2026-12-24 --duration 1h
                                                 ^^^^^^^^^^
    The end must be after the start.
    More: /p0 allow --help

    > allow --end 2026-12-24 --length 1w
    allow --end 2026-12-24 --length 1w
                           ^^^^^^^^
    Give --end or --length, not both.
    More: /p0 allow --help

    > allow --length soon
    allow --length soon
                   ^^^^
    "soon" is not a duration; type a number and a unit, like 30m, 2h, 1 day or 1 week.
    More: /p0 allow --help

    > allow lake dataset eu sales --to <@U1> --request-duration 3d
    …ke dataset eu sales --to <@U1> --request-duration 3d
                                                       ^^
    3 days is too long: Dataset access lasts 2 days at most.
    Instead: /p0 allow lake dataset eu sales --to <@U1> --request-duration 2d
    More: /p0 allow lake dataset --help

    > allow lake dataset eu sales --to <@U1> --lenght 3d
    allow lake dataset eu sales --to <@U1> --lenght 3d
                                           ^^^^^^^^
    There is no option "--lenght" here; did you mean "--length"?
    Instead: /p0 allow lake dataset eu sales --to <@U1> --length 3d
    More: /p0 allow lake dataset --help

    > alow lake
    alow lake
    ^^^^
    There is no command "alow"; did you mean "allow"?
    Instead: /p0 allow lake
    More: /p0 help

    > away bob@example.com
    away bob@example.com
         ^^^^^^^^^^^^^^^
    "bob@example.com" is one word too many.
    More: /p0 away --help

    > away --until 2026-12-24
    away --until 2026-12-24
         ^^^^^^^
    Say who decides in your place: add --to and an e-mail address or a mention.
    More: /p0 away --help

    > away --to <@U1> --until 2026-12-24 --length 1w
    away --to <@U1> --until 2026-12-24 --length 1w
                                       ^^^^^^^^
    Give --until or --length, not both.
    More: /p0 away --help

    > away --to <@U1> --unitl 2026-12-24
    away --to <@U1> --unitl 2026-12-24
                    ^^^^^^^
    There is no option "--unitl" here; did you mean "--until"?
    Instead: /p0 away --to <@U1> --until 2026-12-24
    More: /p0 away --help

    > back now
    back now
         ^^^
    "now" is one word too many.
    More: /p0 back --help

    > back --to <@U1>
    back --to <@U1>
         ^^^^
    There is no option "--to" here.
    More: /p0 back --help

    > ls lake --to x
    ls lake --to x
            ^^^^
    Name the argument first whose values you want to see.
    More: /p0 ls --help
    "#);
}

#[test]
fn help_tells_each() {
    insta::assert_snapshot!(all(&[
        "grant --help",
        "allow --help",
        "help allow lake",
        "grant lake dataset --help",
        "allow lake dataset --help",
        "grant moon --help",
        "away --help",
        "help back",
    ]), @r#"
    > grant --help
    /p0 grant
    Ask for access for somebody else, who gets it when it is approved. With nothing more it opens a form.

    Commands:
      /p0 grant badge  Badge
      /p0 grant lake   Data Lake

    Options:
      --to <person>            For whom: an e-mail address or a mention
      --principal-type <type>  What they are: user; nothing else can be given access yet
      --reason <text>          Why they need it; in quotes when it has several words
      --duration <time>        For how long: 30m, 2h, 1 day
      --help                   Show help instead of doing anything

    > allow --help
    /p0 allow
    Approve access of somebody ahead of time. Nothing is granted until they ask; what they then ask for
    needs no further approval. With nothing more it opens a form.

    Commands:
      /p0 allow badge  Badge
      /p0 allow lake   Data Lake

    Options:
      --to <person>              For whom: an e-mail address or a mention
      --request-duration <time>  How long each access may last: 30m, 2h, 1 day
      --length <time>            For how long they may ask: 8h, 3 days; default 1 week
      --start <date>             From when: 2026-12-24 or 2026-12-24T09:00:00Z; default now
      --end <date>               Until when, instead of --length
      --reason <text>            Why they may have it; in quotes when it has several words
      --help                     Show help instead of doing anything

    > help allow lake
    /p0 allow lake
    Approve access to Data Lake ahead of time; nothing is granted until they ask.

    Commands:
      /p0 allow lake dataset <region> <dataset> [<tables..>] [--mode <mode>] [--team <team>] --to <person> --request-duration <time>
          Dataset access
      /p0 allow lake console <host> [--cluster <cluster>] [--seats <seats>] [--idle <idle>] [--buddy <buddy>] --to <person> --request-duration <time>
          Console session

    Options:
      --to <person>              For whom: an e-mail address or a mention
      --request-duration <time>  How long each access may last: 30m, 2h, 1 day
      --length <time>            For how long they may ask: 8h, 3 days; default 1 week
      --start <date>             From when: 2026-12-24 or 2026-12-24T09:00:00Z; default now
      --end <date>               Until when, instead of --length
      --reason <text>            Why they may have it; in quotes when it has several words
      --help                     Show help instead of doing anything

    Also: dl

    > grant lake dataset --help
    /p0 grant lake dataset <region> <dataset> [<tables..>] [--mode <mode>] [--team <team>] --to <person>
    Dataset access in Data Lake. Reads or writes one dataset.
    Ask for access for somebody else, who gets it when it is approved.

    Arguments:
      <region>    Region. List: /p0 ls lake dataset region
      <dataset>   Dataset. List: /p0 ls lake dataset dataset
      <tables..>  Tables.

    Options:
      --mode <mode>            Access. One of read, write, admin. Default: read.
      --team <team>            Team. List: /p0 ls lake dataset team
      --to <person>            For whom: an e-mail address or a mention
      --principal-type <type>  What they are: user; nothing else can be given access yet
      --reason <text>          Why they need it; in quotes when it has several words
      --duration <time>        For how long: 30m, 2h, 1 day; at most 2 days; default 4 hours
      --help                   Show help instead of doing anything

    Example:
      /p0 grant lake dataset eu sales --to bob@example.com --reason "INC-42" --duration 4h

    > allow lake dataset --help
    /p0 allow lake dataset <region> <dataset> [<tables..>] [--mode <mode>] [--team <team>] --to <person> --request-duration <time>
    Dataset access in Data Lake. Reads or writes one dataset.
    Approve access of somebody ahead of time. Nothing is granted until they ask; what they then ask for
    needs no further approval.

    Arguments:
      <region>    Region. List: /p0 ls lake dataset region
      <dataset>   Dataset. List: /p0 ls lake dataset dataset
      <tables..>  Tables.

    Options:
      --mode <mode>              Access. One of read, write, admin. Default: read.
      --team <team>              Team. List: /p0 ls lake dataset team
      --to <person>              For whom: an e-mail address or a mention
      --request-duration <time>  How long each access may last: 30m, 2h, 1 day; at most 2 days
      --length <time>            For how long they may ask: 8h, 3 days; default 1 week
      --start <date>             From when: 2026-12-24 or 2026-12-24T09:00:00Z; default now
      --end <date>               Until when, instead of --length
      --reason <text>            Why they may have it; in quotes when it has several words
      --help                     Show help instead of doing anything

    Example:
      /p0 allow lake dataset eu sales --to bob@example.com --length 3d --request-duration 4h

    > grant moon --help
    There is no integration "moon".

    /p0 grant
    Ask for access for somebody else, who gets it when it is approved. With nothing more it opens a form.

    Commands:
      /p0 grant badge  Badge
      /p0 grant lake   Data Lake

    Options:
      --to <person>            For whom: an e-mail address or a mention
      --principal-type <type>  What they are: user; nothing else can be given access yet
      --reason <text>          Why they need it; in quotes when it has several words
      --duration <time>        For how long: 30m, 2h, 1 day
      --help                   Show help instead of doing anything

    > away --help
    /p0 away
    Let somebody else decide in your place while you are away. With nothing more it tells how it is now;
    "/p0 back" ends it.

    Options:
      --to <person>    Who decides: an e-mail address or a mention
      --until <date>   Until when: 2026-12-24 or 2026-12-24T09:00:00Z
      --length <time>  For how long, instead of --until: 8h, 3 days, 2 weeks
      --help           Show this

    > help back
    /p0 back
    Decide yourself again: nobody stands in for you any longer.
    "#);
}
