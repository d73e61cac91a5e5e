//! Whether a Lease may be taken. Pure.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use tokio::time::Instant;

/// A Lease as it was seen, and since when it has been like that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Who holds it; nobody when it was given back.
    pub holder: Option<String>,
    /// Its version.
    pub version: String,
    /// How long it lasts, as its holder says.
    pub lasts: Duration,
    /// When this version was first seen, by our clock.
    pub since: Instant,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: another leads.
    Wait,
    /// Take it.
    Take,
}

impl Sighting {
    /// A Lease just read. One that is as it was keeps its time.
    pub fn of(lease: &Lease, before: Option<Self>, now: Instant) -> Self {
        let spec = lease.spec.clone().unwrap_or_default();
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        let lasts = u64::try_from(spec.lease_duration_seconds.unwrap_or_default());
        let since = before.filter(|before| before.version == version);
        Self {
            holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
            version,
            lasts: Duration::from_secs(lasts.unwrap_or_default()),
            since: since.map_or(now, |before| before.since),
        }
    }
}

/// What `identity` does about a Lease that it does not lead by.
pub fn decide(seen: &Sighting, identity: &str, now: Instant) -> Decision {
    match &seen.holder {
        None => Decision::Take,
        Some(holder) if holder == identity => Decision::Take,
        Some(_) if now.duration_since(seen.since) > seen.lasts => Decision::Take,
        Some(_) => Decision::Wait,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::coordination::v1::LeaseSpec;

    use super::*;

    fn lease(holder: &str, version: &str) -> Lease {
        let mut lease = Lease::default();
        lease.metadata.resource_version = Some(version.to_owned());
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(15),
            ..LeaseSpec::default()
        });
        lease
    }

    #[tokio::test(start_paused = true)]
    async fn anothers_lease_is_taken_only_after_it_stood_still_for_its_time() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let first = Sighting::of(&lease("other", "1"), None, at(0));
        assert_eq!(decide(&first, "me", at(15)), Decision::Wait);
        let renewed = Sighting::of(&lease("other", "2"), Some(first), at(14));
        assert_eq!(decide(&renewed, "me", at(16)), Decision::Wait);
        let same = Sighting::of(&lease("other", "2"), Some(renewed), at(28));
        assert_eq!(decide(&same, "me", at(29)), Decision::Wait);
        assert_eq!(decide(&same, "me", at(30)), Decision::Take);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_was_given_back_or_is_ours_is_taken_at_once() {
        let now = Instant::now();
        for holder in ["", "me"] {
            let seen = Sighting::of(&lease(holder, "1"), None, now);
            assert_eq!(decide(&seen, "me", now), Decision::Take);
        }
    }
}
