//! A second model on this machine, next to the one that answers keys.
//!
//! A slot holds at most one model, which a setting names as the setting `model` does. It is loaded
//! when it is first needed, in the background and at low priority: its engine computes only while
//! the first engine is at rest ([`Activity`]). All jobs of the first engine go before those of a
//! second one: requests, background prefills and look-ahead. Two second models share the cores.
//!
//! If it fails to load, its state has the reason, requests go on without it, and only a change of
//! the setting makes another try. If the setting is emptied, the model's memory is released on
//! another thread, because its engine saves its sessions first.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lowkey_engine::{Activity, Engine, EngineOptions, LoadError, Loaded, PersistOptions, Status};
use lowkey_store::EmbeddedModel;
use lowkey_suggestion::StopReason;
use tokio::sync::watch;

use crate::load;
use crate::plain::plain;
use crate::settings::Settings;
use crate::state::lock;

/// How long after a request of the user a second model waits: with the next key the place changes.
pub(crate) const QUIET: Duration = Duration::from_millis(150);

/// The engine of a second model.
pub(crate) type SecondEngine = Engine<StopReason>;

/// The state of a second model, for the user.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum SecondModelState {
    /// The setting names none.
    #[default]
    Off,
    /// It is loaded when it is first needed.
    Unused,
    /// Reading and packing weights, with the share done, 0 to 1.
    Loading(f32),
    /// It answers.
    Ready { model: String },
    /// It is not used, for this reason.
    Failed { reason: String },
}

/// What every second model of a program needs.
#[derive(Clone)]
pub(crate) struct SecondModelSource {
    /// The engine that goes first.
    pub(crate) first: Arc<Activity>,
    /// The model in the program.
    pub(crate) embedded: Option<EmbeddedModel>,
    /// Where to keep weights and sessions.
    pub(crate) keep: Option<PersistOptions>,
}

/// The slot of a second model.
pub(crate) struct SecondModel {
    /// The setting that names the model.
    setting: &'static str,
    source: SecondModelSource,
    /// Checks whether a loaded model can be used; the name is the setting's value.
    check: fn(&str, &Loaded) -> Result<(), LoadError>,
    state: Arc<watch::Sender<SecondModelState>>,
    slot: Arc<Mutex<Slot>>,
}

#[derive(Default)]
struct Slot {
    /// The settings with the model's name; `None` if the setting is empty.
    wanted: Option<Box<Settings>>,
    engine: Option<Arc<SecondEngine>>,
    /// Counts changes of the name, so that an abandoned model reports no state.
    n_changes: u64,
    is_closed: bool,
}

impl SecondModel {
    /// Builds an empty slot. Nothing is loaded until [`follow`](Self::follow) sets a name and
    /// [`engine`](Self::engine) is called.
    pub(crate) fn new(setting: &'static str, source: SecondModelSource) -> Self {
        let state = Arc::new(watch::channel(SecondModelState::Off).0);
        Self { setting, source, check: |_, _| Ok(()), state, slot: Arc::default() }
    }

    /// Adds a check of the loaded model.
    #[must_use]
    pub(crate) fn with_check(self, check: fn(&str, &Loaded) -> Result<(), LoadError>) -> Self {
        Self { check, ..self }
    }

    /// Takes the model's name from the settings. If it is another one, the present model is
    /// released.
    pub(crate) fn follow(&self, settings: &Settings, name: &str) {
        let name = name.trim();
        let mut slot = lock(&self.slot);
        let before = slot.wanted.as_ref().map_or("", |wanted| wanted.model.as_str());
        if before == name || slot.is_closed {
            return;
        }
        slot.n_changes += 1;
        slot.wanted = (!name.is_empty()).then(|| Box::new(of_second_model(settings, name)));
        let released = slot.engine.take();
        let state =
            if slot.wanted.is_some() { SecondModelState::Unused } else { SecondModelState::Off };
        self.state.send_replace(state);
        drop(slot);
        if let Some(engine) = released {
            release(engine);
        }
    }

    /// Whether the setting names a model.
    pub(crate) fn is_named(&self) -> bool {
        lock(&self.slot).wanted.is_some()
    }

    /// Subscribes to the state.
    pub(crate) fn subscribe(&self) -> watch::Receiver<SecondModelState> {
        self.state.subscribe()
    }

    /// Returns the engine, and starts loading the model at the first call. `None` if no model is
    /// named or if it has failed.
    ///
    /// While the model loads, jobs wait in the engine's queue.
    pub(crate) fn engine(&self) -> Option<Arc<SecondEngine>> {
        let mut slot = lock(&self.slot);
        if slot.is_closed {
            return None;
        }
        if slot.engine.is_none() {
            let settings = slot.wanted.clone()?;
            self.state.send_replace(SecondModelState::Loading(0.0));
            match self.start(*settings, slot.n_changes) {
                Ok(engine) => slot.engine = Some(Arc::new(engine)),
                Err(error) => {
                    let reason = format!("its thread cannot be started: {error}");
                    self.state.send_replace(SecondModelState::Failed { reason });
                    slot.wanted = None;
                }
            }
        }
        let engine = slot.engine.as_ref()?;
        let has_failed = matches!(*engine.subscribe().borrow(), Status::Failed(_));
        (!has_failed).then(|| Arc::clone(engine))
    }

    /// Starts the engine, which loads the model on its own thread.
    fn start(&self, settings: Settings, change: u64) -> std::io::Result<SecondEngine> {
        let SecondModelSource { first, embedded, keep } = self.source.clone();
        let options = EngineOptions {
            session_bytes: settings.cache_mb << 20,
            persist: keep.clone(),
            after: Some(first),
        };
        let (setting, state, slot) =
            (self.setting, Arc::clone(&self.state), Arc::clone(&self.slot));
        let check = self.check;
        let report = move |now: SecondModelState| {
            let slot = lock(&slot);
            if slot.n_changes == change && !slot.is_closed {
                state.send_replace(now);
            }
        };
        Engine::start_with_options(options, move |progress| {
            let mut progress = |share: f32| {
                progress(share);
                report(SecondModelState::Loading(share));
            };
            let name = settings.model.as_str();
            let loaded =
                load::load(name, &settings, embedded.as_ref(), keep.as_ref(), &mut progress);
            let loaded = loaded.and_then(|loaded| check(name, &loaded).map(|()| loaded));
            let loaded = loaded.map_err(|error| {
                plain(format_args!("the model of the setting {setting} is not used: {error}"))
            });
            report(match &loaded {
                Ok(loaded) => SecondModelState::Ready { model: plain(&loaded.name) },
                Err(reason) => SecondModelState::Failed { reason: reason.clone() },
            });
            Ok(Loaded { speculates: settings.speculation, ..loaded? })
        })
    }

    /// Ends the engine and lets no other begin. Waits for its sessions to be saved, but not for a
    /// model that still loads.
    pub(crate) fn shutdown(&self) {
        let mut slot = lock(&self.slot);
        slot.is_closed = true;
        let engine = slot.engine.take();
        drop(slot);
        let Some(engine) = engine else { return };
        if matches!(*engine.subscribe().borrow(), Status::Loading(_)) {
            release(engine);
        } else {
            engine.shutdown();
        }
    }
}

/// Returns the settings for the second model `name`: the prompt's form is the one that suits it.
fn of_second_model(settings: &Settings, name: &str) -> Settings {
    let Settings { infill, order, .. } = Settings::default();
    Settings { model: name.to_owned(), infill, order, ..settings.clone() }
}

/// Ends an engine on a thread of its own: a model that still loads cannot be interrupted, and
/// another one saves its sessions.
fn release(engine: Arc<SecondEngine>) {
    let thread = std::thread::Builder::new().name("lowkey-release".into());
    let ended = thread.spawn(move || engine.shutdown());
    if let Err(error) = ended {
        // The failed call has dropped the engine, on this thread.
        tracing::debug!(%error, "a second model was released on the caller's thread");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use lowkey_engine::{Job, Stop};
    use lowkey_prompt::Prompt;
    use lowkey_test_support::toy_path;

    use super::*;

    struct Fixture {
        model: SecondModel,
        settings: Settings,
    }

    impl Fixture {
        fn new() -> Self {
            let source = SecondModelSource { first: Arc::default(), embedded: None, keep: None };
            let settings = Settings { threads: 1, ..Settings::default() };
            Self { model: SecondModel::new("refine_model", source), settings }
        }

        fn name(&self, name: &str) {
            self.model.follow(&self.settings, name);
        }

        fn state(&self) -> SecondModelState {
            self.model.subscribe().borrow().clone()
        }

        /// Waits until the model is loaded or has failed.
        fn loaded(&self) -> SecondModelState {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let mut state = self.model.subscribe();
            let is_loading = |state: &SecondModelState| {
                matches!(state, SecondModelState::Unused | SecondModelState::Loading(_))
            };
            runtime.block_on(state.wait_for(|state| !is_loading(state))).unwrap().clone()
        }
    }

    #[test]
    fn model_is_loaded_when_it_is_first_needed() {
        let fixture = Fixture::new();
        assert!(fixture.model.engine().is_none());
        fixture.name(&toy_path().display().to_string());
        assert_eq!(fixture.state(), SecondModelState::Unused);
        let engine = fixture.model.engine().unwrap();
        // A job that arrives while the model loads is done afterwards.
        let (done, result) = channel();
        let job = Job::prefill(
            |assembler| {
                let tokens = assembler.tokenizer().encode("fn main() {");
                Some(Prompt { tokens, ..Prompt::default() })
            },
            move |made| done.send(made).unwrap(),
        );
        let _ticket = engine.submit(job);
        assert_eq!(result.recv().unwrap().stop, Stop::Limit);
        assert!(matches!(fixture.state(), SecondModelState::Ready { .. }));
        assert!(Arc::ptr_eq(&engine, &fixture.model.engine().unwrap()));
    }

    #[test]
    fn emptied_setting_releases_the_model() {
        let fixture = Fixture::new();
        fixture.name(&toy_path().display().to_string());
        let engine = Arc::downgrade(&fixture.model.engine().unwrap());
        fixture.loaded();
        fixture.name("");
        assert_eq!(fixture.state(), SecondModelState::Off);
        assert!(fixture.model.engine().is_none());
        // Another thread ends the engine.
        while engine.upgrade().is_some() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn failure_is_one_reason_that_names_the_setting() {
        let fixture = Fixture::new();
        fixture.name("no-such-model");
        fixture.model.engine();
        let SecondModelState::Failed { reason } = fixture.loaded() else {
            panic!("it did not fail");
        };
        assert!(reason.contains("refine_model") && reason.contains("no-such-model"), "{reason}");
        assert!(!reason.contains('\n'), "{reason}");
        // Another name is another try.
        fixture.name(&toy_path().display().to_string());
        assert!(fixture.model.engine().is_some());
        assert!(matches!(fixture.loaded(), SecondModelState::Ready { .. }));
    }

    #[test]
    fn nothing_is_loaded_after_the_end() {
        let fixture = Fixture::new();
        fixture.name(&toy_path().display().to_string());
        fixture.model.engine();
        fixture.model.shutdown();
        assert!(fixture.model.engine().is_none());
        fixture.name("");
        fixture.name(&toy_path().display().to_string());
        assert!(fixture.model.engine().is_none());
    }
}
