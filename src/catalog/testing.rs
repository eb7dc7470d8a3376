//! A made-up integration with every kind of argument, for tests: nothing in the catalog or in commands
//! may depend on which integrations there are.

use super::{Catalog, Index, Offers};
use crate::domain::access::{Args, Choice};

pub const LAKE: &str = r#"
manifest: 1
name: lake
title: Data Lake
aliases: [dl]
connector: lake

access:
  dataset:
    title: Dataset access
    help: Reads or writes one dataset.
    example: eu sales
    args:
      - { name: region, title: Region, kind: choice, options: { source: regions } }
      - { name: dataset, title: Dataset, kind: choice, options: { source: datasets, given: [region] } }
      - { name: tables, title: Tables, kind: text, pattern: '[a-z_*]+', many: true, optional: true }
      - { name: mode, title: Access, kind: choice, options: [read, write, admin], default: read, flag: true }
      - { name: team, title: Team, kind: choice, options: { source: teams, free: true }, flag: true, optional: true, aliases: [squad] }
    effect: "{mode} {dataset} in {region}[, tables {tables}][ for {team}]"
    after: "lake open {region}/{dataset}"
    limits: { longest: 2d, default: 4h }
  console:
    title: Console session
    args:
      - { name: host, title: Host, kind: text, pattern: '[a-z0-9.-]{1,63}', help: "Lower case, no spaces." }
      - { name: cluster, title: Cluster, kind: choice, options: { source: clusters }, flag: true, when_one: assume }
      - { name: seats, title: Seats, kind: number, flag: true, optional: true, suggest: "1" }
      - { name: idle, title: Idle time, kind: duration, flag: true, optional: true }
      - { name: buddy, title: Buddy, kind: person, flag: true, optional: true }
    effect: "console on {host}, cluster {cluster}[ with {buddy}]"
"#;

pub const PLAIN: &str = r#"
manifest: 1
name: badge
title: Badge
connector: badge
access:
  door:
    title: Door
    args: [ { name: door, title: Door, kind: text } ]
    effect: "open {door}"
"#;

pub fn sources(connector: &str) -> Option<Offers> {
    let names: &[&str] = match connector {
        "lake" => &["regions", "datasets", "teams", "clusters"],
        "badge" => &[],
        "http" => return Some(Offers::Manifest),
        "postgres" => &["instances", "roles", "databases", "table_roles"],
        _ => return None,
    };
    Some(Offers::These(names.iter().map(|name| (*name).to_owned()).collect()))
}

pub fn catalog() -> Catalog {
    let theirs = [("lake.yaml", LAKE), ("badge.yaml", PLAIN)].map(|(file, text)| (file.to_owned(), text.to_owned()));
    Catalog::load(&[], &theirs, &sources).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

pub fn choice(value: &str, label: &str, given: &[(&str, &str)]) -> Choice {
    let given: Args = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Choice { value: value.to_owned(), label: label.to_owned(), given }
}

pub fn lookup() -> Index {
    let index = Index::new();
    index.replace("lake", "regions", vec![choice("eu", "Europe", &[]), choice("us", "United States", &[])]);
    let datasets = [("sales", "eu"), ("people", "eu"), ("sales", "us"), ("web logs", "us")];
    index.replace("lake", "datasets", datasets.map(|(name, region)| choice(name, name, &[("region", region)])).to_vec());
    index.replace("lake", "clusters", vec![choice("c-1", "Main cluster", &[])]);
    index.replace("lake", "teams", vec![choice("core", "core", &[])]);
    index
}
