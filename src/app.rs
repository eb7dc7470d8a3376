//! Builds everything once. The only module that knows every other, and the only clock.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use async_trait::async_trait;
use axum::Router;
use secrecy::ExposeSecret;

use crate::catalog::{self, Catalog, Index, Offers};
use crate::config::{BadConfig, Config, Settings};
use crate::connectors::{self, Connector, Connectors};
use crate::desk::{Desk, DeskError, Parts, Sources};
use crate::directory;
use crate::domain::notice::ApprovalsPlace;
use crate::domain::outside::{Faults, Outside, Trouble};
use crate::domain::time::{Clock, Span, Time};
use crate::engine::Engine;
use crate::metrics::Metrics;
use crate::oncall;
use crate::policy::Policy;
use crate::secret::{BadSecret, Key};
use crate::server;
use crate::store::{Store, StoreError};
use crate::surfaces::{self, BadSurface, Finding, Surface};
use crate::yaml::{BadYaml, Section, Spanned};

/// The world as it is: the system's clock and its source of chance.
pub struct Real {
    /// For tests that kill: `P0_ABORT_AT=engine.before-grant:1`.
    abort_at: Option<AbortAt>,
}

impl Real {
    pub fn new(abort_at: Option<String>) -> Real {
        let abort_at = abort_at.map(|text| match text.rsplit_once(':') {
            Some((place, passes)) => AbortAt(place.to_owned(), passes.parse().unwrap_or(0).into()),
            None => AbortAt(text, 0.into()),
        });
        Real { abort_at }
    }
}

impl Clock for Real {
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

impl Outside for Real {
    fn random(&self) -> u128 {
        let mut bytes = [0u8; 16];
        if getrandom::fill(&mut bytes).is_err() {
            // Without chance, keys and ids would repeat: better no process than such a one.
            std::process::abort();
        }
        u128::from_le_bytes(bytes)
    }

    fn faults(&self) -> Option<&dyn Faults> {
        Some(self.abort_at.as_ref()?)
    }
}

/// The place at which the process dies, and how often it is passed before.
struct AbortAt(String, AtomicI64);

#[async_trait]
impl Faults for AbortAt {
    async fn reach(&self, place: &'static str) -> Result<(), Trouble> {
        if self.0 == place && self.1.fetch_sub(1, Ordering::SeqCst) <= 0 {
            std::process::abort();
        }
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error(transparent)]
    Config(#[from] BadConfig),
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"))]
    Manifests(Vec<BadYaml>),
    #[error(transparent)]
    Yaml(#[from] BadYaml),
    #[error(transparent)]
    Secret(#[from] BadSecret),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Desk(#[from] DeskError),
    #[error(transparent)]
    Surface(#[from] BadSurface),
}

/// Connectors that a test brings beside those of `connectors::ALL`.
pub type MoreConnectors = Vec<(String, Arc<dyn Connector>)>;

/// The running whole.
#[derive(Clone)]
pub struct App {
    pub store: Store,
    pub desk: Desk,
    pub engine: Engine,
    pub router: Router,
    /// For monitoring, on a listener of its own.
    pub metrics: Router,
    settings: Arc<Settings>,
    outside: Arc<dyn Outside>,
    connectors: Connectors,
    more: Arc<MoreConnectors>,
    places: Arc<Vec<ApprovalsPlace>>,
    surfaces: Arc<Vec<Arc<dyn Surface>>>,
    /// What the configuration said of surfaces at the start.
    said: Arc<Said>,
}

/// What a configuration says of each surface.
type Said = Vec<(String, Option<serde_json::Value>)>;

fn said(config: &Config) -> Said {
    config.surfaces.iter().map(|(name, section)| (name.clone(), section.read().ok().flatten())).collect()
}

impl App {
    pub async fn build(settings: Settings, outside: Arc<dyn Outside>, more: MoreConnectors) -> Result<App, AppError> {
        let config = Config::load(&settings.config, &surface_names())?;
        let (catalog, in_use) = prepare(&config, &outside, &more)?;
        let sources = sources(&config, &outside)?;
        let key = Arc::new(Key::load_or_make(&settings.key_file, &*outside)?);
        let store = Store::open(settings.database_url()?.expose_secret(), outside.clone()).await?;
        let store = store.sealing_with(key.signer()?).await?;
        if config.policy.is_none() && store.policy().await?.is_none() {
            return Err(config.names(|names| Policy::read(&config.whole.child("policy"), names)).map(drop).err().map_or(
                AppError::Store(StoreError::Row {
                    table: "policies",
                    id: "in force".to_owned(),
                    what: "there is none".to_owned(),
                }),
                AppError::Yaml,
            ));
        }
        let connectors = Connectors::default();
        connectors.replace(in_use);
        let metrics = Arc::new(Metrics::default());
        let engine = Engine::new(store.clone(), outside.clone(), connectors.clone(), key.installation(), metrics.clone());
        let desk = Desk::new(Parts {
            store: store.clone(),
            outside: outside.clone(),
            connectors: connectors.clone(),
            index: Arc::new(Index::default()),
            key,
        });
        let mut router = Router::new();
        let (mut places, mut all) = (Vec::new(), Vec::new());
        for (name, section) in &config.surfaces {
            let Some((_, build)) = surfaces::ALL.iter().find(|(known, _)| known == name) else { continue };
            let parts = surfaces::Parts { section, env: &settings.env, desk: desk.clone(), outside: outside.clone() };
            let built = build(parts)?;
            router = router.merge(built.surface.clone().routes());
            all.push(built.surface.clone());
            engine.add_surface(built.surface, &built.places);
            places.extend(built.places);
            if let Some(directory) = built.directory {
                desk.add_directory(name, directory);
            }
        }
        let ears = all.clone();
        let deaf = Arc::new(move || ears.iter().find_map(|surface: &Arc<dyn Surface>| surface.deaf()));
        let router = router.merge(server::health(store.clone(), outside.clone(), metrics.clone(), deaf));
        desk.ask_of(sources);
        desk.configure(catalog, places.clone());
        engine.configure(config.engine.read()?.unwrap_or_default());
        if desk.put_policy(config.policy.as_ref()).await? {
            desk.retell_undecided().await?;
        }
        desk.remember_choices().await?;
        let (settings, more, places) = (Arc::new(settings), Arc::new(more), Arc::new(places));
        let metrics = server::metrics(store.clone(), outside.clone(), metrics);
        let said = Arc::new(said(&config));
        let surfaces = Arc::new(all);
        Ok(App { store, desk, engine, router, metrics, settings, outside, connectors, more, places, surfaces, said })
    }

    /// Takes over a changed configuration if it is valid; otherwise everything stays as it was.
    /// Surfaces keep their settings until the next start.
    pub async fn reload(&self) -> Result<(), AppError> {
        let config = Config::load(&self.settings.config, &surface_names())?;
        let (catalog, in_use) = prepare(&config, &self.outside, &self.more)?;
        let sources = sources(&config, &self.outside)?;
        let limits = config.engine.read()?.unwrap_or_default();
        if *self.said != said(&config) {
            tracing::warn!("what the configuration says of a surface changed; that is in force after the next start");
        }
        // All of it is valid; what can still fail comes first.
        self.desk.put_policy(config.policy.as_ref()).await?;
        self.connectors.replace(in_use);
        self.engine.configure(limits);
        self.desk.ask_of(sources);
        self.desk.configure(catalog, self.places.to_vec());
        self.desk.retell_undecided().await?;
        Ok(())
    }

    /// Everything that goes on beside the listener, until `stop`: the engine, the choices, the reload.
    pub async fn run(&self, listener: tokio::net::TcpListener, stop: impl Future<Output = ()>) {
        // A first start knows no choices yet; a complete command must not open the form for want of them.
        // Any other start must not keep people waiting for a slow target.
        let first = self.desk.lacks_choices();
        if first {
            let _ = tokio::time::timeout(Span::seconds(2).to_std(), self.desk.refresh_choices()).await;
        }
        if let Err(error) = self.store.take_over().await {
            tracing::warn!(%error, "what a process before this one had claimed waits for its lease to run out");
        }
        let engine = self.engine.clone();
        let working = tokio::spawn(async move { engine.run().await });
        let refreshing = tokio::spawn(self.clone().refresh(if first { Span::seconds(30) } else { Span::ZERO }));
        let watching = tokio::spawn(self.clone().watch());
        let (stopping, stopped) = tokio::sync::watch::channel(false);
        let mut listening = tokio::task::JoinSet::new();
        for surface in self.surfaces.iter() {
            listening.spawn(surface.clone().listen(stopped.clone()));
        }
        let stop = async {
            stop.await;
            stopping.send_replace(true);
        };
        server::serve(listener, self.router.clone(), stop).await;
        // Bounded by each surface: what it has in hand is done or left.
        while listening.join_next().await.is_some() {}
        refreshing.abort();
        watching.abort();
        self.engine.stop();
        let _ = working.await;
        self.store.close().await;
    }

    /// Looks whether everything that a configuration names can do its work. It works on a record in memory and on a
    /// key that is thrown away: nothing is changed, here or elsewhere. `policy`: what is in force, if the
    /// configuration has none.
    pub async fn check_up(
        settings: &Settings,
        outside: Arc<dyn Outside>,
        policy: Option<Policy>,
    ) -> Result<Vec<Finding>, AppError> {
        let config = Config::load(&settings.config, &surface_names())?;
        let (catalog, in_use) = prepare(&config, &outside, &Vec::new())?;
        let sources = sources(&config, &outside)?;
        let store = Store::open("sqlite::memory:", outside.clone()).await?;
        let connectors = Connectors::default();
        connectors.replace(in_use.clone());
        let (index, key) = (Arc::new(Index::default()), Arc::new(Key::from_bytes([0; 32])));
        let desk = Desk::new(Parts { store, outside: outside.clone(), connectors, index, key });
        desk.ask_of(sources);
        desk.configure(catalog, Vec::new());
        if let Some(policy) = config.policy.as_ref().or(policy.as_ref()) {
            desk.put_policy(Some(policy)).await?;
        }
        let told = format!("{} is valid", settings.config.display());
        let mut findings = vec![Finding { about: "the configuration".to_owned(), found: Ok(told) }];
        for (name, section) in &config.surfaces {
            let Some((_, build)) = surfaces::ALL.iter().find(|(known, _)| known == name) else { continue };
            let parts = surfaces::Parts { section, env: &settings.env, desk: desk.clone(), outside: outside.clone() };
            match build(parts) {
                Ok(built) => findings.extend(built.surface.check().await),
                Err(bad) => findings.push(Finding { about: name.clone(), found: Err(bad.to_string()) }),
            }
        }
        for (name, connector) in &in_use {
            let found = ask(connector).await.map(|()| "can do its work".to_owned());
            findings.push(Finding { about: format!("the integration {name}"), found });
        }
        Ok(findings)
    }

    /// Asks each connector whether it can do its work; what it says is logged when it is news.
    async fn check(&self, known: &mut BTreeMap<String, String>) {
        for (name, connector) in self.connectors.all().iter() {
            let said = ask(connector).await.err().unwrap_or_default();
            if known.get(name).map_or("", String::as_str) != said {
                match said.is_empty() {
                    true => tracing::info!(integration = name, "the integration can do its work again"),
                    false => tracing::warn!(integration = name, why = said, "the integration cannot do its work"),
                }
                known.insert(name.clone(), said);
            }
        }
    }

    /// What the start did not get in time is had after this pause.
    async fn refresh(self, mut pause: Span) {
        let mut known = BTreeMap::new();
        loop {
            self.check(&mut known).await;
            tokio::time::sleep(pause.to_std()).await;
            self.desk.refresh_choices().await;
            pause = Span::minutes(5);
        }
    }

    /// Takes over every change. One that is not valid is tried again: the mistake may stand in a file that
    /// the configuration only names.
    async fn watch(self) {
        let mut known = fingerprint(&self.settings.config);
        let mut told = String::new();
        loop {
            tokio::time::sleep(Span::seconds(2).to_std()).await;
            let current = fingerprint(&self.settings.config);
            if current == known {
                told.clear();
                continue;
            }
            match self.reload().await {
                Ok(()) => {
                    known = current;
                    tracing::info!("the configuration changed and is in force");
                    self.desk.refresh_choices().await;
                }
                Err(error) if told == error.to_string() => {}
                Err(error) => {
                    told = error.to_string();
                    tracing::error!(%error, "the changed configuration is not in force but the one before; it is tried again");
                }
            }
        }
    }
}

/// Can a connector do its work? The error says what to do.
async fn ask(connector: &Arc<dyn Connector>) -> Result<(), String> {
    match tokio::time::timeout(Span::seconds(10).to_std(), connector.check()).await {
        Ok(done) => done.map_err(|fault| fault.to_string()),
        Err(_) => Err("it did not answer in time".to_owned()),
    }
}

pub fn surface_names() -> Vec<&'static str> {
    surfaces::ALL.iter().map(|(name, _)| *name).collect()
}

/// What stands in the file now, as far as a change has to be noticed.
fn fingerprint(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| crate::policy::fingerprint(&text))
}

type InUse = BTreeMap<String, Arc<dyn Connector>>;

/// Makes all who know people and who is on call that a configuration names, or tells the first mistake.
pub fn sources(config: &Config, outside: &Arc<dyn Outside>) -> Result<Sources, BadYaml> {
    Ok(Sources {
        directories: family(&config.whole, &config.directories, directory::ALL, outside)?,
        on_call: family(&config.whole, &config.oncall, oncall::ALL, outside)?,
    })
}

/// Makes a member of a family: from its name and its section.
type Make<T> = fn(&str, &Section, Arc<dyn Outside>) -> Result<Arc<T>, BadYaml>;

/// Makes the members of a family under their names: `okta: { file: people.yaml }` is one of the kind `file`.
fn family<T: ?Sized>(
    whole: &Section,
    named: &[(Spanned<String>, Section)],
    kinds: &[(&str, Make<T>)],
    outside: &Arc<dyn Outside>,
) -> Result<BTreeMap<String, Arc<T>>, BadYaml> {
    let known = kinds.iter().map(|(kind, _)| *kind).collect::<Vec<_>>().join(", ");
    let mut made = BTreeMap::new();
    for (name, section) in named {
        let [kind] = &section.keys()?[..] else {
            let why = format!("say of which kind \"{}\" is, and only that; there are {known}", name.value);
            return Err(whole.mistake(name, why));
        };
        let Some((_, make)) = kinds.iter().find(|(known, _)| *known == kind.value) else {
            return Err(whole.mistake(kind, format!("there is no kind \"{}\"; there are {known}", kind.value)));
        };
        made.insert(name.value.clone(), make(&name.value, &section.child(&kind.value), outside.clone())?);
    }
    Ok(made)
}

/// What can be asked for by a configuration, for tools that call no target: a manifest may name a connector
/// that this program does not have.
pub fn catalog(config: &Config) -> Result<Catalog, AppError> {
    let sources = |name: &str| Some(offers(name).unwrap_or_else(|| Offers::These(Vec::new())));
    let all = Catalog::load(catalog::ours::MANIFESTS, &config.manifests, &sources).map_err(AppError::Manifests)?;
    let names: Vec<&str> = config.integrations.iter().map(|(name, _)| name.value.as_str()).collect();
    Ok(all.only(&names))
}

/// What a connector of ours offers to choose from.
fn offers(name: &str) -> Option<Offers> {
    let (_, _, offered) = connectors::ALL.iter().find(|(known, ..)| *known == name)?;
    Some(match offered {
        Some(these) => Offers::These(these.iter().map(|source| (*source).to_owned()).collect()),
        None => Offers::Manifest,
    })
}

/// Makes the catalog and the connectors of a configuration, or tells every mistake.
fn prepare(config: &Config, outside: &Arc<dyn Outside>, more: &MoreConnectors) -> Result<(Catalog, InUse), AppError> {
    let sources = |name: &str| {
        let brought = more.iter().find(|(brought, _)| brought == name);
        let theirs = brought.map(|(_, connector)| connector.sources().into_iter().map(str::to_owned).collect());
        theirs.map(Offers::These).or_else(|| offers(name))
    };
    let all = Catalog::load(catalog::ours::MANIFESTS, &config.manifests, &sources).map_err(AppError::Manifests)?;
    let mut in_use = InUse::new();
    let mut names = Vec::new();
    for (name, section) in &config.integrations {
        let Some(integration) = all.integrations().find(|it| it.name == name.value) else {
            let known = all.integrations().map(|it| it.name.clone()).collect::<Vec<_>>().join(", ");
            let why = format!("no manifest describes \"{}\"; there are {known}", name.value);
            return Err(config.whole.mistake(name, why).into());
        };
        let brought = more.iter().find(|(brought, _)| *brought == integration.connector);
        let connector = match (brought, connectors::ALL.iter().find(|(known, ..)| *known == integration.connector)) {
            (Some((_, connector)), _) => connector.clone(),
            (None, Some((_, build, _))) => build(section, &integration.manifest, outside.clone())?,
            (None, None) => {
                let why = format!(
                    "its manifest asks for the connector \"{}\", which this program does not have",
                    integration.connector
                );
                return Err(config.whole.mistake(name, why).into());
            }
        };
        in_use.insert(name.value.clone(), connector);
        names.push(name.value.clone());
    }
    Ok((all.only(&names), in_use))
}
