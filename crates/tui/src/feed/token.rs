//! The bearer token, read anew for each connection.

use std::path::PathBuf;

use tonic::{
    Status,
    metadata::{Ascii, MetadataValue},
    service::Interceptor,
};

/// A token file is no larger.
const MOST_BYTES: u64 = 16 << 10;

/// Where the token comes from.
#[derive(Clone, Default)]
pub enum Token {
    /// None is sent: enough on loopback.
    #[default]
    None,
    /// This one.
    Text(String),
    /// The first line of a file.
    File(PathBuf),
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Token::None => f.write_str("None"),
            Token::Text(_) => f.write_str("Text(hidden)"),
            Token::File(path) => write!(f, "File({path:?})"),
        }
    }
}

/// Why there is no token to send.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file can't be read.
    #[error("the token file {path:?} can't be read")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is larger than any token.
    #[error("the token file {0:?} is larger than {MOST_BYTES} bytes")]
    TooLarge(PathBuf),
    /// It can't stand in a header.
    #[error("the token has characters that can't be sent: expected visible ASCII")]
    Unsendable,
}

impl Token {
    /// What adds it to each call.
    pub(super) async fn read(&self) -> Result<Bearer, TokenError> {
        let text = match self {
            Token::None => return Ok(Bearer(None)),
            Token::Text(text) => text.clone(),
            Token::File(path) => {
                let failed = |source| TokenError::File {
                    path: path.clone(),
                    source,
                };
                let size = tokio::fs::metadata(path).await.map_err(failed)?.len();
                if size > MOST_BYTES {
                    return Err(TokenError::TooLarge(path.clone()));
                }
                tokio::fs::read_to_string(path).await.map_err(failed)?
            }
        };
        let text = text.lines().next().unwrap_or_default().trim();
        let value = format!("Bearer {text}").parse();
        let mut value: MetadataValue<Ascii> = value.map_err(|_| TokenError::Unsendable)?;
        value.set_sensitive(true);
        Ok(Bearer(Some(value)))
    }
}

/// Adds the token to each call.
#[derive(Clone, Debug)]
pub(super) struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
        if let Some(value) = &self.0 {
            request
                .metadata_mut()
                .insert("authorization", value.clone());
        }
        Ok(request)
    }
}
