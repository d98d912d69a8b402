//! Small checked words: names, object ids, digests, times. A value of these types is well-formed.

use std::fmt;
use std::str::FromStr;

/// A text that is not what its type asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}")]
pub struct NotA {
    /// The text.
    pub text: String,
    /// What was wanted, with its article.
    pub wanted: &'static str,
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}

macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $wanted:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotA;

            fn from_str(text: &str) -> Result<Self, NotA> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(text.into())) } else { Err(NotA { text: text.into(), wanted: $wanted }) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

word!(
    /// The name of a pipeline, environment or subscription: an RFC 1123 label, at most 63 characters.
    Name,
    "a name of lower-case letters, digits and `-` (at most 63, first and last no `-`)",
    |text| {
        (1..=63).contains(&text.len())
            && text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
    }
);

word!(
    /// A full git object id of a commit: 40 or 64 lower-case hexadecimal digits.
    CommitId,
    "a full commit id (40 or 64 lower-case hexadecimal digits)",
    |text| matches!(text.len(), 40 | 64) && is_lower_hex(text)
);

word!(
    /// A content digest as registries write it: `sha256:` and 64 lower-case hexadecimal digits.
    Digest,
    "a digest (`sha256:` and 64 lower-case hexadecimal digits)",
    |text| text.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && is_lower_hex(hex))
);

word!(
    /// The digest of an image manifest, in one of the algorithms that container runtimes take.
    ImageDigest,
    "a digest (`sha256:` and 64, `sha384:` and 96 or `sha512:` and 128 lower-case hexadecimal digits)",
    |text| {
        text.split_once(':').is_some_and(|(algorithm, hex)| {
            let digits = match algorithm {
                "sha256" => 64,
                "sha384" => 96,
                "sha512" => 128,
                _ => return false,
            };
            hex.len() == digits && is_lower_hex(hex)
        })
    }
);

word!(
    /// The tag of an image: at most 128 of letters, digits, `_`, `.` and `-`, the first no `.` or `-`.
    ImageTag,
    "a tag (at most 128 letters, digits, `_`, `.` and `-`, the first no `.` or `-`)",
    |text| {
        (1..=128).contains(&text.len())
            && text.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'.' | b'-'))
            && !text.starts_with(['.', '-'])
    }
);

word!(
    /// The version of a chart in SemVer's alphabet; whether it is a valid SemVer is the registry's business.
    ChartVersion,
    "a chart version (letters, digits, `.`, `-`, `+`, the first a letter or digit)",
    |text| {
        (1..=128).contains(&text.len())
            && text.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'-' | b'+'))
            && text.starts_with(|it: char| it.is_ascii_alphanumeric())
    }
);

impl Digest {
    /// The SHA-256 of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity("sha256:".len() + 64);
        text.push_str("sha256:");
        for byte in sha2::Sha256::digest(bytes) {
            // By hand: a plan of thousands of environments makes thousands of these.
            let digits = [byte >> 4, byte & 15].map(|it| char::from(DIGITS[usize::from(it)]));
            text.extend(digits);
        }
        Self(text)
    }

    /// The 64 hexadecimal digits.
    pub fn hex(&self) -> &str {
        &self.0["sha256:".len()..]
    }
}

/// A point in time in whole seconds since 1970, UTC. Prints as RFC 3339: `2026-11-20T09:30:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixSeconds(pub i64);

impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => write!(f, "@{}", self.0),
        }
    }
}

impl FromStr for UnixSeconds {
    type Err = NotA;

    fn from_str(text: &str) -> Result<Self, NotA> {
        let time: jiff::Timestamp = text
            .parse()
            .map_err(|_| NotA { text: text.into(), wanted: "a time like `2026-11-20T09:30:00Z`" })?;
        Ok(Self(time.as_second()))
    }
}
