//! The manifests that come with the program, one line each. A list of files and nothing else: what
//! stands in them is never known here.

pub const MANIFESTS: &[(&str, &str)] = &[
    ("manifests/members.yaml", include_str!("../../manifests/members.yaml")),
    ("manifests/postgres.yaml", include_str!("../../manifests/postgres.yaml")),
];
