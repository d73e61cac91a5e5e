//! The objects that exist, as the watches saw them last, kept small.
//!
//! It asks the API server nothing and decides nothing. An answer to a write is put in at once, so
//! that a reconcile sees what the one before it did, however late the watch is.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
};

use serde_json::Value;

use crate::{children::Kind, diff, names::OPERATOR};

/// An object in few bytes: of who manages which field only what we need.
#[derive(Clone, Debug)]
pub struct Live {
    /// Its identity.
    pub uid: String,
    /// Its version, which grows.
    pub version: u64,
    /// Who controls it: the identity of a PushManager, of something else, or nobody.
    pub owner: Option<Owner>,
    /// Whether it is being deleted.
    pub going: bool,
    /// Whether we wrote it.
    pub applied: bool,
    /// Who but us set `spec.replicas`.
    pub scaled_by: Option<String>,
    json: Box<[u8]>,
}

/// The controller that an object names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its identity.
    pub uid: String,
}

impl Owner {
    /// Whether it is of our own kind.
    pub fn is_push_manager(&self) -> bool {
        self.kind == crate::api::KIND
    }
}

/// An object's place: its namespace and name.
pub type Place = (String, String);

/// All objects that the watches see.
#[derive(Debug, Default)]
pub struct LiveObjects {
    objects: RwLock<HashMap<Kind, Known>>,
}

/// The objects of one kind.
#[derive(Debug, Default)]
struct Known {
    /// The highest version that a watch showed.
    newest: u64,
    places: HashMap<Place, Arc<Live>>,
}

impl Known {
    fn put(&mut self, place: Place, live: Live) {
        let newer = |there: &Arc<Live>| there.version > live.version;
        if !self.places.get(&place).is_some_and(newer) {
            self.places.insert(place, Arc::new(live));
        }
    }
}

impl Live {
    /// From an object as the API server sends it; `None` without a name or an identity.
    pub fn new(mut object: Value) -> Option<(Place, Self)> {
        let scaled_by = diff::owner_of_replicas(&object);
        let metadata = object.get_mut("metadata")?;
        if let Some(entries) = metadata["managedFields"].as_array_mut() {
            entries.retain(|entry| entry["manager"] == OPERATOR && entry["operation"] == "Apply");
        }
        let metadata = object.get("metadata")?;
        let text = |key: &str| metadata[key].as_str().map(str::to_owned);
        let place = (text("namespace").unwrap_or_default(), text("name")?);
        let live = Self {
            uid: text("uid")?,
            version: text("resourceVersion")?.parse().unwrap_or_default(),
            owner: owner(metadata),
            going: metadata.get("deletionTimestamp").is_some(),
            applied: metadata["managedFields"]
                .as_array()
                .is_some_and(|entries| !entries.is_empty()),
            scaled_by,
            json: serde_json::to_vec(&object).ok()?.into_boxed_slice(),
        };
        Some((place, live))
    }

    /// Whether it belongs to the PushManager of this identity. One that we wrote and that has lost
    /// its owner, by an orphaning deletion or by hand, belongs to whoever has its name.
    pub fn is_of(&self, uid: &str) -> bool {
        match &self.owner {
            Some(owner) => owner.uid == uid,
            None => self.applied,
        }
    }

    /// The object.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.json).unwrap_or_default()
    }
}

fn owner(metadata: &Value) -> Option<Owner> {
    let references = metadata["ownerReferences"].as_array()?;
    let controller = references.iter().find(|r| r["controller"] == true)?;
    let text = |key: &str| controller[key].as_str().map(str::to_owned);
    Some(Owner {
        kind: text("kind")?,
        name: text("name")?,
        uid: text("uid")?,
    })
}

impl LiveObjects {
    /// An object, if it was seen.
    pub fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<Arc<Live>> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        let place = (namespace.to_owned(), name.to_owned());
        objects.get(&kind)?.places.get(&place).cloned()
    }

    /// Puts in what a watch saw, unless something newer is there.
    pub fn see(&self, kind: Kind, place: Place, live: Live) {
        let mut objects = self.write();
        let known = objects.entry(kind).or_default();
        known.newest = known.newest.max(live.version);
        known.put(place, live);
    }

    /// Puts in what the API server answered to a write, unless the watch is further already: what
    /// it answered may have been deleted since.
    pub fn answered(&self, kind: Kind, place: Place, live: Live) {
        let mut objects = self.write();
        let known = objects.entry(kind).or_default();
        if live.version > known.newest || known.places.contains_key(&place) {
            known.put(place, live);
        }
    }

    /// Takes out what was deleted, unless another object has its place by now. `version` is that
    /// of the deletion.
    pub fn remove(&self, kind: Kind, place: &Place, uid: &str, version: u64) {
        let mut objects = self.write();
        let known = objects.entry(kind).or_default();
        known.newest = known.newest.max(version);
        if known.places.get(place).is_some_and(|live| live.uid == uid) {
            known.places.remove(place);
        }
    }

    /// Takes out what a whole list did not hold, and returns it: of one namespace, or of all.
    pub fn keep_only(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        listed: impl Fn(&Place) -> bool,
    ) -> Vec<Arc<Live>> {
        let mut objects = self.write();
        let objects = &mut objects.entry(kind).or_default().places;
        let ours = |place: &Place| namespace.is_none_or(|namespace| place.0 == namespace);
        let gone: Vec<Place> = objects
            .keys()
            .filter(|place| ours(place) && !listed(place))
            .cloned()
            .collect();
        gone.iter()
            .filter_map(|place| objects.remove(place))
            .collect()
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Kind, Known>> {
        self.objects.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many objects of each kind are known, and the bytes they take.
    pub fn sizes(&self) -> Vec<(Kind, usize, usize)> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        let size = |(kind, known): (&Kind, &Known)| {
            let bytes = known.places.values().map(|live| live.json.len()).sum();
            (*kind, known.places.len(), bytes)
        };
        objects.iter().map(size).collect()
    }
}
