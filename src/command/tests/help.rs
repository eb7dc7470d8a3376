//! What `help`, `--help` and `ls` answer.

use super::all;

#[test]
fn help_and_ls_answer_in_text() {
    insta::assert_snapshot!(all(&[
        "",
        "request --help",
        "help lake",
        "request lake dataset eu -h",
        "lake console --help",
        "request moon --help",
        "ls --help",
        "ls",
        "ls lake",
        "ls lake console",
        "ls lake dataset dataset",
        "ls lake datasets --region eu",
        "ls lake dataset dataset sa --like le --size 1",
        "ls dl mode",
        "ls lake regions zzz",
        "ls lake console host",
        "ls lake dataste",
        "ls lake dataset regiom",
        "ls lake dataset dataset --region moon",
        "ls lake regions --size 0",
    ]), @r#"
    > 
    /p0
    Ask for access, for as long as you need it.

    Commands:
      /p0 request  Ask for access; opens a form when something is missing
      /p0 grant    Ask for access for somebody else
      /p0 allow    Approve access ahead of time; nothing is granted until they ask
      /p0 away     Let somebody else decide in your place while you are away
      /p0 back     Decide yourself again
      /p0 ls       List what can be asked for
      /p0 help     Show this

    Add --help to any of them to read more.

    > request --help
    /p0 request
    Ask for access. With nothing more it opens a form.

    Commands:
      /p0 request badge  Badge
      /p0 request lake   Data Lake

    Options:
      --reason <text>    Why you need it; in quotes when it has several words
      --duration <time>  For how long: 30m, 2h, 1 day
      --break-glass      Needed now, before anybody can decide; everybody will be told
      --approved         Only if it needs no approver
      --help             Show help instead of doing anything

    > help lake
    /p0 request lake
    Ask for access to Data Lake.

    Commands:
      /p0 request lake dataset <region> <dataset> [<tables..>] [--mode <mode>] [--team <team>]
          Dataset access
      /p0 request lake console <host> [--cluster <cluster>] [--seats <seats>] [--idle <idle>] [--buddy <buddy>]
          Console session

    Options:
      --reason <text>    Why you need it; in quotes when it has several words
      --duration <time>  For how long: 30m, 2h, 1 day
      --break-glass      Needed now, before anybody can decide; everybody will be told
      --approved         Only if it needs no approver
      --help             Show help instead of doing anything

    Also: dl

    > request lake dataset eu -h
    /p0 request lake dataset <region> <dataset> [<tables..>] [--mode <mode>] [--team <team>]
    Dataset access in Data Lake. Reads or writes one dataset.

    Arguments:
      <region>    Region. List: /p0 ls lake dataset region
      <dataset>   Dataset. List: /p0 ls lake dataset dataset
      <tables..>  Tables.

    Options:
      --mode <mode>      Access. One of read, write, admin. Default: read.
      --team <team>      Team. List: /p0 ls lake dataset team
      --reason <text>    Why you need it; in quotes when it has several words
      --duration <time>  For how long: 30m, 2h, 1 day; at most 2 days; default 4 hours
      --break-glass      Needed now, before anybody can decide; everybody will be told
      --approved         Only if it needs no approver
      --help             Show help instead of doing anything

    Example:
      /p0 request lake dataset eu sales --reason "INC-42" --duration 4h

    > lake console --help
    /p0 request lake console <host> [--cluster <cluster>] [--seats <seats>] [--idle <idle>] [--buddy <buddy>]
    Console session in Data Lake.

    Arguments:
      <host>  Lower case, no spaces.

    Options:
      --cluster <cluster>  Cluster. List: /p0 ls lake console cluster (needless when there is only one)
      --seats <seats>      Seats. A number.
      --idle <idle>        Idle time. A duration, like 2h.
      --buddy <buddy>      Buddy. An e-mail address or a mention.
      --reason <text>      Why you need it; in quotes when it has several words
      --duration <time>    For how long: 30m, 2h, 1 day
      --break-glass        Needed now, before anybody can decide; everybody will be told
      --approved           Only if it needs no approver
      --help               Show help instead of doing anything

    > request moon --help
    There is no integration "moon".

    /p0 request
    Ask for access. With nothing more it opens a form.

    Commands:
      /p0 request badge  Badge
      /p0 request lake   Data Lake

    Options:
      --reason <text>    Why you need it; in quotes when it has several words
      --duration <time>  For how long: 30m, 2h, 1 day
      --break-glass      Needed now, before anybody can decide; everybody will be told
      --approved         Only if it needs no approver
      --help             Show help instead of doing anything

    > ls --help
    /p0 ls
    List what can be asked for.

    Commands:
      /p0 ls                              The integrations
      /p0 ls <integration>                Its access types
      /p0 ls <integration> <access type>  The arguments of one
      /p0 ls <integration> <access type> <argument>
          The values it can take

    Options:
      --like <text>         Only what fits; several words must all fit
      --size <number>       How many to show
      --<argument> <value>  Only what goes with this value of another argument
      --help                Show this

    > ls
      badge  Badge
      lake   Data Lake

    More about one: /p0 ls badge

    > ls lake
    Data Lake
      dataset  Dataset access
      console  Console session

    More about one: /p0 ls lake dataset

    > ls lake console
    /p0 request lake console <host> [--cluster <cluster>] [--seats <seats>] [--idle <idle>] [--buddy <buddy>]
    Console session
      host     Lower case, no spaces.
      cluster  Cluster. List: /p0 ls lake console cluster (needless when there is only one)
      seats    Seats. A number.
      idle     Idle time. A duration, like 2h.
      buddy    Buddy. An e-mail address or a mention.

    > ls lake dataset dataset
      people    (region eu)
      sales     (region eu)
      sales     (region us)
      web logs  (region us)

    > ls lake datasets --region eu
      people
      sales

    > ls lake dataset dataset sa --like le --size 1
      sales  (region eu)
    There are more; narrow them down with --like <text>.

    > ls dl mode
      read
      write
      admin

    > ls lake regions zzz
    There is no region like "zzz" to choose from.

    > ls lake console host
    There is no list for the host: it is typed freely.

    > ls lake dataste
    ls lake dataste
            ^^^^^^^
    There is no access type or list "dataste" in Data Lake; did you mean "dataset"?
    Instead: /p0 ls lake dataset
    More: /p0 ls --help

    > ls lake dataset regiom
    ls lake dataset regiom
                    ^^^^^^
    Dataset access has no argument "regiom"; did you mean "region"?
    Instead: /p0 ls lake dataset region
    More: /p0 ls --help

    > ls lake dataset dataset --region moon
    ls lake dataset dataset --region moon
                                     ^^^^
    There is no region "moon".
    More: /p0 ls --help

    > ls lake regions --size 0
    ls lake regions --size 0
                           ^
    Type a number from 1 to 500.
    More: /p0 ls --help
    "#);
}
