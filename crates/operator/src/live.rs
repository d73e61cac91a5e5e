//! The objects that exist, as the watches saw them last, kept small.
//!
//! It asks the API server nothing and decides nothing. An answer to a write is put in at once, so
//! that a reconcile sees what the one before it did, however late the watch is.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
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
    objects: RwLock<HashMap<Kind, HashMap<Place, Arc<Live>>>>,
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
        objects.get(&kind)?.get(&place).cloned()
    }

    /// Puts in what was seen, unless something newer is there.
    pub fn put(&self, kind: Kind, place: Place, live: Live) {
        let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
        let objects = objects.entry(kind).or_default();
        let newer = |there: &Arc<Live>| there.uid == live.uid && there.version > live.version;
        if !objects.get(&place).is_some_and(newer) {
            objects.insert(place, Arc::new(live));
        }
    }

    /// Takes out what was deleted, unless another object has its place by now.
    pub fn remove(&self, kind: Kind, place: &Place, uid: &str) {
        let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(objects) = objects.get_mut(&kind)
            && objects.get(place).is_some_and(|live| live.uid == uid)
        {
            objects.remove(place);
        }
    }

    /// Takes out what a whole list did not hold, and returns it: of one namespace, or of all.
    pub fn keep_only(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        listed: impl Fn(&Place) -> bool,
    ) -> Vec<Arc<Live>> {
        let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
        let objects = objects.entry(kind).or_default();
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

    /// How many objects of each kind are known, and the bytes they take.
    pub fn sizes(&self) -> Vec<(Kind, usize, usize)> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        let bytes = |of: &HashMap<Place, Arc<Live>>| of.values().map(|live| live.json.len()).sum();
        let size = |(kind, of): (&Kind, &HashMap<Place, Arc<Live>>)| (*kind, of.len(), bytes(of));
        objects.iter().map(size).collect()
    }
}
