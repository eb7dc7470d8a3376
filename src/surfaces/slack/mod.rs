use super::{BadSurface, Built, Parts};
pub fn build(_: Parts<'_>) -> Result<Built, BadSurface> {
    Err(BadSurface::Setting("not yet".into()))
}
