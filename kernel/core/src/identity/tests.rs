//! One owner, made with the code; sessions that last as long as they should; no secret at rest.

use aether_protocol::{
    Actor, Code,
    identity::{Login, Setup, SignedIn},
};

use super::Identity;
use crate::{
    config::IdentityConfig,
    state::{bus::Bus, store::Store},
};

struct World {
    dir: tempfile::TempDir,
    store: Store,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("state.db"), Bus::default()).unwrap();
        Self { dir, store }
    }

    async fn identity(&self) -> Identity {
        Identity::start(&IdentityConfig::default(), self.dir.path(), self.store.clone()).await.unwrap()
    }
}

fn setup(code: &str) -> Setup {
    Setup { code: code.into(), name: "ada".into(), password: "correct horse".into(), device: "desk".into() }
}

fn login(name: &str, password: &str) -> Login {
    Login { name: name.into(), password: password.into(), device: "phone".into() }
}

async fn owner(identity: &Identity) -> SignedIn {
    identity.setup(setup(&identity.setup_code().unwrap())).await.unwrap()
}

#[tokio::test]
async fn the_code_makes_one_owner_and_no_second() {
    let world = World::new();
    let identity = world.identity().await;
    let code = identity.setup_code().unwrap();
    assert_eq!(world.identity().await.setup_code(), Some(code.clone()), "a restart shows the same code");
    assert_eq!(identity.setup(setup("WRONG-WRONG")).await.unwrap_err().code, Code::Unauthenticated);
    assert_eq!(identity.setup(setup("")).await.unwrap_err().code, Code::Unauthenticated);

    // However it is typed.
    let typed = format!(" {} ", code.to_lowercase().replace('-', " "));
    let (one, two) = tokio::join!(identity.setup(setup(&typed)), identity.setup(setup(&code)));
    assert!(one.is_ok() != two.is_ok(), "two set-ups at once make one owner");
    assert!(!identity.needs_setup());
    assert_eq!(identity.setup(setup(&code)).await.unwrap_err().code, Code::Conflict);
    assert!(!world.dir.path().join("setup-code").exists());
    assert!(!world.identity().await.needs_setup());
}

#[tokio::test]
async fn weak_passwords_and_odd_names_are_refused_and_the_code_stays_good() {
    let world = World::new();
    let identity = world.identity().await;
    let code = identity.setup_code().unwrap();
    for (name, password) in
        [("ada", "short"), ("", "long enough"), ("a b", "long enough"), ("../x", "long enough")]
    {
        let bad = Setup { name: name.into(), password: password.into(), ..setup(&code) };
        assert_eq!(identity.setup(bad).await.unwrap_err().code, Code::Invalid, "{name:?} {password:?}");
    }
    let huge = Setup { password: "x".repeat(2_000), ..setup(&code) };
    assert_eq!(identity.setup(huge).await.unwrap_err().code, Code::Invalid);
    owner(&identity).await;
}

#[tokio::test]
async fn wrong_name_and_wrong_password_are_answered_alike() {
    let world = World::new();
    let identity = world.identity().await;
    owner(&identity).await;
    let wrong_password = identity.login(login("ada", "not it, sorry")).await.unwrap_err();
    let wrong_name = identity.login(login("eve", "correct horse")).await.unwrap_err();
    let huge = identity.login(login("ada", &"x".repeat(100_000))).await.unwrap_err();
    assert_eq!((&wrong_password, &wrong_password), (&wrong_name, &huge));
    assert!(identity.login(login("ADA", "correct horse")).await.is_ok(), "names ignore case");
}

#[tokio::test]
async fn tokens_prove_sessions_until_they_are_revoked_or_expire() {
    let world = World::new();
    let identity = world.identity().await;
    let first = owner(&identity).await;
    let second = identity.login(login("ada", "correct horse")).await.unwrap();
    let actor = identity.authenticate(&first.token).unwrap();
    assert!(identity.authenticate("").is_none() && identity.authenticate(&first.token[1..]).is_none());

    let sessions = identity.sessions(&actor).await.unwrap().items;
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions.iter().filter(|session| session.is_current).count(), 1);
    assert!(world.identity().await.authenticate(&second.token).is_some(), "sessions outlive the kernel");

    identity.revoke(&actor, second.session.id).await.unwrap();
    assert!(identity.authenticate(&second.token).is_none());
    assert_eq!(identity.revoke(&actor, second.session.id).await.unwrap_err().code, Code::NotFound);
    identity.logout(&actor).await.unwrap();
    assert!(identity.authenticate(&first.token).is_none());
    assert!(world.identity().await.authenticate(&first.token).is_none());

    let brief = IdentityConfig { session_days: 0, ..IdentityConfig::default() };
    let brief = Identity::start(&brief, world.dir.path(), world.store.clone()).await.unwrap();
    let expired = brief.login(login("ada", "correct horse")).await.unwrap();
    assert!(brief.authenticate(&expired.token).is_none());
}

#[tokio::test]
async fn nothing_secret_is_at_rest() {
    let world = World::new();
    let identity = world.identity().await;
    let signed_in = owner(&identity).await;
    assert!(matches!(identity.authenticate(&signed_in.token), Some(Actor::User { .. })));
    world.store.write(|tx| Ok(tx.execute("DELETE FROM audit", [])?)).await.unwrap();
    for file in ["state.db", "state.db-wal"] {
        let bytes = std::fs::read(world.dir.path().join(file)).unwrap();
        for secret in ["correct horse", signed_in.token.as_str()] {
            assert!(
                !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()),
                "{secret} in {file}"
            );
        }
    }
}
