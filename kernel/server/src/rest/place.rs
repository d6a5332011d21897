//! `{place}/{path}` in an address: `home/notes.txt`, `shared/`, `agents/{id}/out.md`.

use aether_protocol::{Error, files::Place};

use crate::problem::Problem;

/// What the address means. The path goes to the kernel as it is; the kernel alone judges it.
pub(crate) fn parse((place, path): (String, String)) -> Result<(Place, String), Problem> {
    match place.as_str() {
        "home" => Ok((Place::Home, path)),
        "shared" => Ok((Place::Shared, path)),
        "agents" => {
            let (agent, path) = path.split_once('/').unwrap_or((&path, ""));
            let agent =
                agent.parse().map_err(|_| Error::invalid("The address does not name an agent by its id"))?;
            Ok((Place::Agent { agent }, path.to_owned()))
        }
        _ => Err(Error::not_found("place", place).hint("There are home, shared and agents/{id}").into()),
    }
}

#[cfg(test)]
mod tests {
    use aether_protocol::AgentId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn places_are_read_from_addresses() {
        let parse = |place: &str, path: &str| parse((place.to_owned(), path.to_owned()));
        let agent = AgentId(Uuid::from_u128(7));
        assert_eq!(parse("home", "a/b").unwrap(), (Place::Home, "a/b".to_owned()));
        assert_eq!(parse("shared", "").unwrap(), (Place::Shared, String::new()));
        assert_eq!(
            parse("agents", &format!("{agent}/x/y")).unwrap(),
            (Place::Agent { agent }, "x/y".to_owned())
        );
        assert_eq!(parse("agents", &agent.to_string()).unwrap(), (Place::Agent { agent }, String::new()));
        assert!(parse("agents", "nobody/x").is_err());
        assert!(parse("etc", "passwd").is_err());
    }
}
