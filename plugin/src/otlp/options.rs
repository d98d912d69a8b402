//! Where spans go and how, in the words of the stock server.
//!
//! Names and defaults are those of `argocd-cmp-server`, so that deployments made for it keep working. It passes over a
//! value that it cannot read; here that is an error at the start, because spans that go missing are noticed too late.

use std::collections::BTreeMap;

use promoter_core::Diagnosis;
use promoter_sources::git::Secret;
use tonic::metadata::{Ascii, MetadataKey, MetadataMap, MetadataValue};
use tonic::transport::Uri;

/// Where spans go, as options and variables say it. Without an address nothing is exported and the rest is not looked at.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct OtlpOptions {
    /// Export a span for each request to this OpenTelemetry collector, by OTLP over gRPC
    #[arg(long = "otlp-address", value_name = "HOST:PORT", env = "ARGOCD_CMP_SERVER_OTLP_ADDRESS")]
    pub address: Option<String>,
    /// Speak to the collector without TLS [default: true]
    #[arg(
        long = "otlp-insecure",
        value_name = "BOOL",
        env = "ARGOCD_CMP_SERVER_OTLP_INSECURE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub insecure: Option<String>,
    /// Headers for the collector; values are secrets
    #[arg(
        long = "otlp-headers",
        value_name = "NAME=VALUE",
        env = "ARGOCD_CMP_SERVER_OTLP_HEADERS",
        hide_env_values = true,
        value_delimiter = ',',
        value_parser = secret
    )]
    pub headers: Vec<Secret>,
    /// Attributes of the resource that all spans belong to
    #[arg(
        long = "otlp-attrs",
        value_name = "KEY:VALUE",
        env = "ARGOCD_CMP_SERVER_OTLP_ATTRS",
        value_delimiter = ','
    )]
    pub attributes: Vec<String>,
    /// Share of requests that are exported among those that come without a caller's trace, from 0 to 1 [default: 1]
    #[arg(long = "otlp-sample-ratio", value_name = "RATIO", env = "ARGOCD_CMP_SERVER_OTLP_SAMPLE_RATIO")]
    pub sample_ratio: Option<String>,
}

fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

/// Why no spans can be exported. No message holds the value of a header.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// No host and port.
    #[error("`{0}` is no address of an OpenTelemetry collector")]
    Address(String),
    /// Neither yes nor no.
    #[error("`{0}` does not say whether the collector is spoken to without TLS")]
    Insecure(String),
    /// No name and value.
    #[error("number {0} of the headers for the OpenTelemetry collector is none")]
    Header(usize),
    /// No key and value.
    #[error("`{0}` is no attribute for spans")]
    Attribute(String),
    /// Not from 0 to 1.
    #[error("`{0}` is no share of requests whose spans are exported")]
    Ratio(String),
    /// No connection or exporter can be made of it.
    #[error("spans cannot be exported to `{address}`: {why}")]
    Exporter {
        /// The collector.
        address: String,
        /// What it said.
        why: String,
    },
}

impl OtlpError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        Diagnosis::input("plugin-otlp", self).hint(match self {
            Self::Address(_) => {
                "`--otlp-address` is `HOST:PORT`, as in `collector.example.com:4317`; TLS is `--otlp-insecure=false`"
            }
            Self::Insecure(_) => "`--otlp-insecure` is `true` or `false`",
            Self::Header(_) => {
                "`--otlp-headers` is `NAME=VALUE,…` of printable ASCII, no name twice and none that ends in `-bin`"
            }
            Self::Attribute(_) => "`--otlp-attrs` is `KEY:VALUE,…`",
            Self::Ratio(_) => "`--otlp-sample-ratio` is a number from 0 to 1",
            Self::Exporter { .. } => {
                "TLS needs the authorities of the machine, or those that `SSL_CERT_FILE` names; `--otlp-insecure=true` does without"
            },
        })
    }
}

/// What the options mean.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Host and port.
    pub(crate) address: String,
    pub(crate) tls: bool,
    /// Their values are marked as sensitive, so that `Debug` hides them.
    pub(crate) headers: MetadataMap,
    /// Of the resource, besides the service's name and version.
    pub(crate) attributes: BTreeMap<String, String>,
    /// Of requests without a caller's trace.
    pub(crate) ratio: f64,
}

impl OtlpOptions {
    /// Reads them; `None` where nothing is to be exported. An empty text counts as not given, as for the stock server.
    pub(crate) fn settings(&self) -> Result<Option<Settings>, OtlpError> {
        let Some(address) = given(self.address.as_ref()) else {
            return Ok(None);
        };
        Ok(Some(Settings {
            address: read_address(address)?,
            tls: !given(self.insecure.as_ref()).map_or(Ok(true), read_bool)?,
            headers: read_headers(&self.headers)?,
            attributes: read_attributes(&self.attributes)?,
            ratio: given(self.sample_ratio.as_ref()).map_or(Ok(1.0), read_ratio)?,
        }))
    }
}

fn given(text: Option<&String>) -> Option<&str> {
    text.map(|it| it.trim()).filter(|it| !it.is_empty())
}

fn read_address(text: &str) -> Result<String, OtlpError> {
    let wrong = || OtlpError::Address(text.to_owned());
    // The port stands at the end and nothing but an authority is left before it.
    let uri: Uri = format!("http://{text}").parse().map_err(|_| wrong())?;
    let host_and_port = uri.host().zip(uri.port_u16()).filter(|(host, port)| !host.is_empty() && *port != 0);
    let (host, port) = host_and_port.ok_or_else(wrong)?;
    if format!("{host}:{port}") == text { Ok(text.to_owned()) } else { Err(wrong()) }
}

fn read_bool(text: &str) -> Result<bool, OtlpError> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" => Ok(true),
        "false" | "f" | "0" => Ok(false),
        _ => Err(OtlpError::Insecure(text.to_owned())),
    }
}

fn read_headers(entries: &[Secret]) -> Result<MetadataMap, OtlpError> {
    let mut headers = MetadataMap::new();
    for (index, entry) in entries.iter().enumerate().filter(|(_, it)| !it.expose().trim().is_empty()) {
        let wrong = || OtlpError::Header(index + 1);
        // Bytes beyond ASCII would pass as they are, and grpc-go refuses them.
        let text = Some(entry.expose()).filter(|it| it.is_ascii()).ok_or_else(wrong)?;
        let (name, value) = text.split_once('=').ok_or_else(wrong)?;
        let name = name.trim().to_ascii_lowercase().parse::<MetadataKey<Ascii>>().map_err(|_| wrong())?;
        let mut value = value.trim().parse::<MetadataValue<Ascii>>().map_err(|_| wrong())?;
        value.set_sensitive(true);
        if headers.insert(name, value).is_some() {
            return Err(wrong());
        }
    }
    Ok(headers)
}

/// A value may hold further colons, as addresses do.
fn read_attributes(entries: &[String]) -> Result<BTreeMap<String, String>, OtlpError> {
    let read = |entry: &String| {
        let pair = entry.split_once(':').map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
        pair.filter(|(key, _)| !key.is_empty()).ok_or_else(|| OtlpError::Attribute(entry.clone()))
    };
    entries.iter().filter(|it| !it.trim().is_empty()).map(read).collect()
}

fn read_ratio(text: &str) -> Result<f64, OtlpError> {
    let ratio = text.parse().ok().filter(|it| (0.0..=1.0).contains(it));
    ratio.ok_or_else(|| OtlpError::Ratio(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(address: &str) -> OtlpOptions {
        OtlpOptions { address: Some(address.into()), ..OtlpOptions::default() }
    }

    fn headers(entries: &[&str]) -> OtlpOptions {
        OtlpOptions {
            headers: entries.iter().map(|it| Secret::new(*it)).collect(),
            ..options("collector:4317")
        }
    }

    fn attributes(entries: &[&str]) -> OtlpOptions {
        let attributes = entries.iter().map(|it| String::from(*it)).collect();
        OtlpOptions { attributes, ..options("collector:4317") }
    }

    fn insecure(text: &str) -> OtlpOptions {
        OtlpOptions { insecure: Some(text.into()), ..options("collector:4317") }
    }

    fn ratio(text: &str) -> OtlpOptions {
        OtlpOptions { sample_ratio: Some(text.into()), ..options("collector:4317") }
    }

    fn settings(options: &OtlpOptions) -> Settings {
        options.settings().unwrap().unwrap()
    }

    #[test]
    fn without_an_address_nothing_else_is_looked_at() {
        for options in [OtlpOptions::default(), options(""), OtlpOptions { address: None, ..ratio("many") }] {
            assert!(options.settings().unwrap().is_none());
        }
    }

    #[test]
    fn the_defaults_are_the_stock_servers() {
        for options in
            [options("collector:4317"), insecure(""), ratio(" "), headers(&[""]), attributes(&[""])]
        {
            let read = settings(&options);
            assert!(!read.tls && read.headers.is_empty() && read.attributes.is_empty());
            assert_eq!(read.ratio.to_bits(), 1.0_f64.to_bits());
        }
    }

    #[test]
    fn values_are_read() {
        for address in ["10.0.0.1:4317", "[::1]:4317", "collector.observability.svc:80"] {
            assert_eq!(settings(&options(address)).address, address);
        }
        assert!(settings(&insecure("False")).tls && !settings(&insecure("1")).tls);
        assert_eq!(settings(&ratio("0.25")).ratio.to_bits(), 0.25_f64.to_bits());
        let read = settings(&headers(&["Authorization=Basic YTpi==", " x-tenant = shop "])).headers;
        let value = |name: &str| read.get(name).map(|it| it.to_str().unwrap().to_owned());
        assert_eq!(
            (value("authorization"), value("x-tenant")),
            (Some("Basic YTpi==".into()), Some("shop".into()))
        );
        let read = settings(&attributes(&["cluster:prod", " url : http://a:1 "])).attributes;
        assert_eq!(read["cluster"], "prod");
        assert_eq!(read["url"], "http://a:1");
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let wrong = [
            options("collector"),
            options("http://collector:4317"),
            options("collector:4317/v1"),
            options("ada@collector:4317"),
            options(":4317"),
            options("collector:0"),
            options("collector:99999"),
            insecure("perhaps"),
            ratio("1.5"),
            ratio("-0.1"),
            ratio("NaN"),
            ratio("half"),
            attributes(&["cluster"]),
            attributes(&[":prod"]),
            headers(&["token"]),
            headers(&["=x"]),
            headers(&["a b=x"]),
            headers(&["x-bin=x"]),
            headers(&["a=1", "A=2"]),
            headers(&["a=ä"]),
        ];
        for options in wrong {
            let diagnosis = options.settings().unwrap_err().diagnosis();
            assert_eq!(diagnosis.code, "plugin-otlp");
        }
    }

    #[test]
    fn values_of_headers_are_never_shown() {
        let secrets = headers(&["authorization=s3cret"]);
        assert!(!format!("{secrets:?} {:?}", settings(&secrets)).contains("s3cret"));
        for wrong in [&["s3cret"][..], &["a=s3cret\u{7}"], &["a=s3cret", "a=s3cret"]] {
            let error = headers(wrong).settings().unwrap_err();
            assert!(!format!("{error:?} {}", error.diagnosis()).contains("s3cret"));
        }
    }
}
