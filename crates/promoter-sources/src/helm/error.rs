//! Why helm gave nothing.

use promoter_core::Diagnosis;
use promoter_kustomize::FileError;

/// Why a chart could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum HelmError {
    /// No such program.
    #[error("chart `{chart}` needs helm, which is not installed: there is no `{program}`")]
    NotInstalled {
        /// The chart.
        chart: String,
        /// What was looked for.
        program: String,
    },
    /// helm refused.
    #[error("helm cannot render chart `{chart}`: {words}")]
    Failed {
        /// The chart.
        chart: String,
        /// helm's summary.
        words: String,
    },
    /// The repository did not give the chart.
    #[error("helm cannot get chart `{chart}`: {words}")]
    Unreachable {
        /// The chart.
        chart: String,
        /// helm's summary.
        words: String,
    },
    /// The time ran out.
    #[error("helm took more than {seconds} seconds for chart `{chart}`")]
    TimedOut {
        /// The chart.
        chart: String,
        /// The limit.
        seconds: u64,
    },
    /// More output than allowed.
    #[error("chart `{chart}` renders to more than {max} bytes")]
    TooLarge {
        /// The chart.
        chart: String,
        /// The limit.
        max: usize,
    },
    /// Bytes that are no text.
    #[error("chart `{0}` renders to bytes that are no UTF-8 text")]
    NotText(String),
    /// Too many files or bytes in the chart itself.
    #[error("chart `{0}` is larger than the limits allow")]
    ChartTooLarge(String),
    /// Neither a directory nor a repository is named.
    #[error("chart `{0}` is neither in the tree nor in a repository")]
    NoChart(String),
    /// The archive that a lock pins could not be had.
    #[error("{}", unfetched(chart, version, .why))]
    Unfetched {
        /// The chart's address.
        chart: String,
        /// Its version.
        version: String,
        /// Why.
        why: Box<Diagnosis>,
    },
    /// A file of the chart cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// This machine's disk or processes fail.
    #[error("helm cannot be run here: {0}")]
    Machine(#[from] std::io::Error),
}

impl HelmError {
    /// The same failure, when helm was asked to get a chart rather than to render it.
    pub(super) fn of_a_pull(self) -> Self {
        match self {
            Self::Failed { chart, words } => Self::Unreachable { chart, words },
            other => other,
        }
    }

    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::NotInstalled { .. } => Diagnosis::input("helm-not-installed", self).hint(
                "put helm (3 or 4) on the PATH of this program, name one with `PROMOTER_HELM`, or take the image whose tag ends in `-helm`",
            ),
            Self::Failed { words, .. } if words.contains("missing in charts/") => {
                Diagnosis::input("helm-failed", self)
                    .hint("run `helm dependency build` and commit the `charts` directory")
            }
            Self::Failed { .. } => Diagnosis::input("helm-failed", self),
            Self::Unreachable { words, .. } if is_definite(words) => {
                Diagnosis::input("chart-unreachable", self)
                    .hint("check the chart's repository, name and version, and that it lets everyone read")
            }
            Self::Unreachable { .. } => Diagnosis::upstream("chart-unreachable", self),
            Self::TimedOut { .. } => Diagnosis::upstream("helm-timeout", self),
            Self::TooLarge { .. } | Self::ChartTooLarge(_) => Diagnosis::input("chart-too-large", self)
                .hint("keep what the chart does not need out of its directory"),
            Self::NotText(_) => Diagnosis::input("helm-failed", self),
            Self::NoChart(_) => Diagnosis::input("chart-not-found", self)
                .hint("name the chart's repository, or commit the unpacked chart"),
            Self::Unfetched { why, .. } => Diagnosis { cause: self.to_string(), ..(**why).clone() },
            Self::File(FileError::Store(..)) | Self::Machine(_) => Diagnosis::upstream("helm-machine", self),
            Self::File(_) => Diagnosis::input("file-not-found", self),
        }
    }
}

/// The chart, where the cause does not name it, and the cause.
fn unfetched(chart: &str, version: &str, why: &Diagnosis) -> String {
    match why.cause.contains(chart) {
        true => why.cause.clone(),
        false => format!("version `{version}` of `{chart}` is not to be had: {}", why.cause),
    }
}

/// A repository that answered, and does not have the chart or keeps it from us: asking again gives the same.
fn is_definite(words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    ["401 ", "403 ", "404 ", "unauthorized", "forbidden", "not found"].iter().any(|it| words.contains(it))
}
