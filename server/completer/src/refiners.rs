//! The models that may refine the local model's answers: the remote server, or a second model on
//! this machine. If the settings name both, the remote server is used.

use lowkey_remote::{RemoteConfig, RemoteState};
use tokio::sync::watch;

use crate::plain::plain;
use crate::remote_settings::{REMOTE_KEYS, remote_config};
use crate::second_model::SecondModelState;
use crate::settings::Settings;
use crate::state::Completer;

impl Completer {
    /// Lets the completer ask the remote server or the second model of the settings; returns the
    /// problem with them in words.
    ///
    /// Without this call no connection is opened and no second model is loaded.
    pub fn use_refiners(&self) -> Option<String> {
        self.remote.enable();
        let settings = self.settings();
        self.apply_second(&settings);
        self.apply_remote(&settings)
    }

    /// Subscribes to the state of the remote server.
    pub fn subscribe_remote(&self) -> watch::Receiver<RemoteState> {
        self.remote.subscribe()
    }

    /// Returns the configuration of the remote server that may be asked.
    pub fn remote(&self) -> Option<RemoteConfig> {
        self.remote.server().map(|server| server.config().clone())
    }

    /// Subscribes to the state of the model of the setting `refine_model`.
    pub fn subscribe_refine_model(&self) -> watch::Receiver<SecondModelState> {
        self.refine_model.subscribe()
    }

    /// Follows changed settings; returns the problem with them in words.
    pub(crate) fn follow_refiners(&self, before: &Settings, now: &Settings) -> Option<String> {
        let has_changed = |key: &str| before.value_of(key) != now.value_of(key);
        let is_other_remote = REMOTE_KEYS.iter().any(|key| has_changed(key));
        if is_other_remote || has_changed("refine_model") {
            self.apply_second(now);
        }
        if is_other_remote { self.apply_remote(now) } else { None }
    }

    fn apply_remote(&self, settings: &Settings) -> Option<String> {
        let (config, problem) = match remote_config(settings) {
            Ok(config) => (config, None),
            Err(error) => (None, Some(plain(error))),
        };
        self.remote.apply(config);
        self.refined.clear();
        problem
    }

    fn apply_second(&self, settings: &Settings) {
        if !self.remote.is_enabled() {
            return;
        }
        let is_unused = !settings.remote_url.trim().is_empty();
        self.refine_model.follow(settings, if is_unused { "" } else { &settings.refine_model });
        self.refined.clear();
    }
}
