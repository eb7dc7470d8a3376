//! PostgreSQL role membership, told on real servers of both kinds: 15, which cannot tell who granted and lets
//! sessions keep a role, and 18, which can and does not.

mod lives;
mod refusals;
mod survey;
mod trouble;
mod world;

/// Each story is told on both servers.
macro_rules! on_both {
    ($($story:ident)*) => {
        mod on_15 {$(
            #[tokio::test]
            async fn $story() {
                super::$story(super::World::on(15).await).await;
            }
        )*}
        mod on_18 {$(
            #[tokio::test]
            async fn $story() {
                super::$story(super::World::on(18).await).await;
            }
        )*}
    };
}
use on_both;
