//! Reads the environment that comes with a request: which variables there are, and what they ask of the plugin.
//!
//! Decides which names are taken: of `ARGOCD_ENV_*` and of the parameters only a closed list, so that a typo is an error
//! and not a silent default. Everything else that Argo CD sends is carried as it is.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use promoter_core::{Diagnosis, NotA};
use promoter_render::Parameters;
use serde::Deserialize;

/// The names that may stand behind `ARGOCD_ENV_`.
pub(crate) const ENTRIES: [&str; 3] = ["PROMOTER_ENVIRONMENT", "PROMOTER_LOCKFILE", "PROMOTER_RENDER"];
/// The parameters that may be set.
pub(crate) const PARAMETERS: [&str; 3] = ["environment", "lockfile", "render"];
/// The parameter that is announced for reading only.
pub(crate) const FREIGHT_PARAMETER: &str = "freight";

/// Why an environment is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// An `ARGOCD_ENV_*` name that is not on the list.
    #[error("`plugin.env` sets `{0}`, which the plugin does not know")]
    UnknownEntry(String),
    /// A parameter that is not on the list.
    #[error("`plugin.parameters` sets `{0}`, which the plugin does not know")]
    UnknownParameter(String),
    /// The parameter that shows the pinned freight.
    #[error("`plugin.parameters` sets `{FREIGHT_PARAMETER}`, which only shows what the lockfile pins")]
    ReadOnlyParameter,
    /// A parameter that is no string.
    #[error("parameter `{0}` is not a `string`")]
    NotAString(String),
    /// `ARGOCD_APP_PARAMETERS` is not what Argo CD sends.
    #[error("`ARGOCD_APP_PARAMETERS` is not a list of parameters: {0}")]
    NotParameters(String),
    /// A value that its parameter cannot have.
    #[error("parameter `{0}`: {1}")]
    BadValue(&'static str, NotA),
}

impl EnvironmentError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        let known = |what: &str, names: &[&str]| format!("{what}: {}", names.join(", "));
        match self {
            Self::UnknownEntry(_) => {
                Diagnosis::input("environment-unknown-name", self).hint(known("known names", &ENTRIES))
            }
            Self::UnknownParameter(_) => Diagnosis::input("environment-unknown-name", self)
                .hint(known("known parameters", &PARAMETERS)),
            Self::ReadOnlyParameter => Diagnosis::input("environment-read-only", self)
                .hint("remove it from the Application; `promoter promote` changes what an environment runs"),
            Self::NotAString(_) | Self::NotParameters(_) => Diagnosis::input("environment-parameters", self)
                .hint("write parameters as `- {name: environment, string: prod}`"),
            Self::BadValue(..) => Diagnosis::input("environment-bad-value", self),
        }
    }
}

/// The variables of one request; of several entries with one name the last counts. `Debug` prints their names only: some
/// values are secrets of Argo CD's.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

impl FromIterator<(String, String)> for Environment {
    /// Takes entries in the order in which they came. Entries without a name are dropped, empty values count.
    fn from_iter<I: IntoIterator<Item = (String, String)>>(entries: I) -> Self {
        Self { variables: entries.into_iter().filter(|(name, _)| !name.is_empty()).collect() }
    }
}

impl Environment {
    /// The value of a variable; empty counts as absent, because Argo CD sends both for "not set".
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|it| !it.is_empty())
    }

    /// What the variables ask of the plugin. A parameter wins over the `plugin.env` entry of the same meaning.
    pub fn parameters(&self) -> Result<Parameters, EnvironmentError> {
        let entries = self.variables.keys().filter_map(|it| it.strip_prefix("ARGOCD_ENV_"));
        if let Some(unknown) = entries.into_iter().find(|it| !ENTRIES.contains(it)) {
            return Err(EnvironmentError::UnknownEntry(unknown.into()));
        }
        let parameters = self.listed_parameters()?;
        let value = |parameter: &str, entry: &str| {
            let set = parameters.get(parameter).map(String::as_str).filter(|it| !it.is_empty());
            set.or_else(|| self.get(&format!("ARGOCD_ENV_{entry}")))
        };
        Ok(Parameters {
            environment: parsed("environment", value("environment", "PROMOTER_ENVIRONMENT"))?,
            lockfile: value("lockfile", "PROMOTER_LOCKFILE").map(String::from),
            render: parsed("render", value("render", "PROMOTER_RENDER"))?.unwrap_or_default(),
        })
    }

    fn listed_parameters(&self) -> Result<BTreeMap<String, String>, EnvironmentError> {
        let Some(text) = self.get("ARGOCD_APP_PARAMETERS") else {
            return Ok(BTreeMap::new());
        };
        let parameters: Option<Vec<Parameter>> =
            serde_json::from_str(text).map_err(|error| EnvironmentError::NotParameters(error.to_string()))?;
        parameters.unwrap_or_default().into_iter().map(Parameter::check).collect()
    }
}

fn parsed<T: FromStr<Err = NotA>>(
    name: &'static str,
    value: Option<&str>,
) -> Result<Option<T>, EnvironmentError> {
    value.map(str::parse).transpose().map_err(|error| EnvironmentError::BadValue(name, error))
}

/// One entry of `ARGOCD_APP_PARAMETERS`; `array` and `map` ones have no `string`.
#[derive(Deserialize)]
struct Parameter {
    name: String,
    string: Option<String>,
}

impl Parameter {
    fn check(self) -> Result<(String, String), EnvironmentError> {
        if self.name == FREIGHT_PARAMETER {
            return Err(EnvironmentError::ReadOnlyParameter);
        }
        if !PARAMETERS.contains(&self.name.as_str()) {
            return Err(EnvironmentError::UnknownParameter(self.name));
        }
        match self.string {
            Some(value) => Ok((self.name, value)),
            None => Err(EnvironmentError::NotAString(self.name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use promoter_render::Mode;

    use super::*;

    fn environment(entries: &[(&str, &str)]) -> Environment {
        entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_last_of_two_entries_counts_and_names_are_needed() {
        let it = environment(&[("A", "1"), ("", "x"), ("B", ""), ("A", "2")]);
        assert_eq!(it.get("A"), Some("2"));
        assert_eq!(it.get("B"), None);
        assert_eq!(it.get(""), None);
    }

    #[test]
    fn parameters_win_over_entries_and_empty_is_not_set() {
        let parameters = r#"[{"name":"environment","string":"prod"},{"name":"render","string":""},{"name":"lockfile","string":"l.yaml"}]"#;
        let it = environment(&[
            ("ARGOCD_ENV_PROMOTER_ENVIRONMENT", "dev"),
            ("ARGOCD_ENV_PROMOTER_RENDER", "live"),
            ("ARGOCD_APP_PARAMETERS", parameters),
            ("KUBE_VERSION", "1.36.0"),
            ("PARAM_ENVIRONMENT", "prod"),
        ]);
        let environment = Some("prod".parse().unwrap());
        let lockfile = Some("l.yaml".into());
        assert_eq!(it.parameters(), Ok(Parameters { environment, lockfile, render: Mode::Live }));
    }

    #[test]
    fn null_parameters_are_none() {
        let it = environment(&[("ARGOCD_APP_PARAMETERS", "null"), ("ARGOCD_ENV_PROMOTER_RENDER", "")]);
        assert_eq!(it.parameters(), Ok(Parameters::default()));
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        let refused =
            |name, value| environment(&[(name, value)]).parameters().unwrap_err().diagnosis().to_string();
        let parameters = |value| refused("ARGOCD_APP_PARAMETERS", value);
        assert_eq!(
            refused("ARGOCD_ENV_PROMOTER_ENV", ""),
            "`plugin.env` sets `PROMOTER_ENV`, which the plugin does not know; hint: known names: \
             PROMOTER_ENVIRONMENT, PROMOTER_LOCKFILE, PROMOTER_RENDER [environment-unknown-name]"
        );
        assert!(parameters(r#"[{"name":"env","string":"x"}]"#).contains("`env`"));
        assert!(parameters(r#"[{"name":"freight","map":{"web":"x"}}]"#).contains("[environment-read-only]"));
        assert!(parameters(r#"[{"name":"render","array":["live"]}]"#).contains("`render` is not a `string`"));
        assert!(parameters(r#"{"name":"render"}"#).contains("[environment-parameters]"));
        assert!(refused("ARGOCD_ENV_PROMOTER_RENDER", "dry").contains("`dry` is not a render mode"));
        assert!(refused("ARGOCD_ENV_PROMOTER_ENVIRONMENT", "Prod!").contains("`Prod!`"));
    }
}
