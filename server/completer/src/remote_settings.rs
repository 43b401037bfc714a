//! The remote server that the settings describe.

use std::path::PathBuf;

use lowkey_remote::{Address, ApiKey, ConfigError, RemoteConfig};

use crate::settings::Settings;

/// The settings of the remote server. A change of one takes effect at once.
pub(crate) const REMOTE_KEYS: &[&str] = &[
    "remote_url",
    "remote_model",
    "remote_protocol",
    "remote_key_env",
    "remote_key_file",
    "remote_ca_file",
    "remote_allow_plain_http",
    "remote_prompt_tokens",
];

/// Returns the configured server; `None` if there is none. Reads the key.
pub fn remote_config(settings: &Settings) -> Result<Option<RemoteConfig>, ConfigError> {
    if settings.remote_url.trim().is_empty() {
        return Ok(None);
    }
    let address = Address::parse(&settings.remote_url, settings.remote_allow_plain_http)?;
    let (variable, file) = (settings.remote_key_env.trim(), settings.remote_key_file.trim());
    let key = match (variable, file) {
        ("", "") => None,
        (variable, "") => Some(ApiKey::from_env(variable)?),
        ("", file) => Some(ApiKey::from_file(&PathBuf::from(file))?),
        _ => return Err(ConfigError::TwoKeys),
    };
    let authorities = settings.remote_ca_file.trim();
    Ok(Some(RemoteConfig {
        key,
        authorities: (!authorities.is_empty()).then(|| PathBuf::from(authorities)),
        ..RemoteConfig::new(address, &settings.remote_model, settings.remote_protocol)
    }))
}

#[cfg(test)]
mod tests {
    use lowkey_remote::RemoteProtocol;

    use super::*;

    #[test]
    fn every_setting_of_the_server_is_known() {
        let table = crate::settings::TABLE.iter().map(|row| row.key);
        let remote: Vec<&str> = table.filter(|key| key.starts_with("remote_")).collect();
        assert_eq!(remote, REMOTE_KEYS);
    }

    #[test]
    fn server_is_described_by_the_settings() {
        assert_eq!(remote_config(&Settings::default()), Ok(None));
        let settings = Settings {
            remote_url: "http://localhost:8080/v1".into(),
            remote_model: "coder".into(),
            remote_protocol: RemoteProtocol::OpenAi,
            ..Settings::default()
        };
        let config = remote_config(&settings).unwrap().unwrap();
        assert_eq!((config.address.host(), config.model.as_str()), ("localhost:8080", "coder"));
        let refused = |settings: &Settings| remote_config(settings).unwrap_err().to_string();
        let elsewhere = Settings { remote_url: "http://gpu.example".into(), ..settings.clone() };
        assert!(refused(&elsewhere).contains("remote_allow_plain_http"));
        assert!(remote_config(&Settings { remote_allow_plain_http: true, ..elsewhere }).is_ok());
        let two = Settings { remote_key_env: "A".into(), remote_key_file: "b".into(), ..settings };
        assert_eq!(remote_config(&two), Err(ConfigError::TwoKeys));
    }
}
