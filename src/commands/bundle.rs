//! `uugate export` and `uugate import`: mail that travels as a file.

use super::{Common, Failure};
use crate::exit;
use crate::node::verbs::{BundleRequest, Request};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// What is to be written, or what became of it.
#[derive(Debug, Args)]
pub struct ExportOptions {
    /// The system that the mail is for.
    #[arg(required_unless_present_any = ["done", "recall"], conflicts_with_all = ["done", "recall"])]
    system: Option<String>,
    /// The form of the file: a plain batch for rsmtp.
    #[arg(long, value_enum, default_value_t = Format::Rsmtp)]
    format: Format,
    /// The new file.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["done", "recall"])]
    to: Option<PathBuf>,
    /// The file has arrived there: its jobs are done. It is known by its content, or by its name if it is no longer here.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["to", "recall"])]
    done: Option<PathBuf>,
    /// The file never went, or was lost: its jobs wait for a call again. It is known by its content, or by its name.
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    recall: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Rsmtp,
}

pub fn export(common: &Common, options: ExportOptions) -> Result<u8, Failure> {
    let ExportOptions { system, format: Format::Rsmtp, to, done, recall } = options;
    let request = match (system, to, done, recall) {
        (_, _, Some(file), _) => BundleRequest::Done { file: absolute(file)? },
        (_, _, _, Some(file)) => BundleRequest::Recall { file: absolute(file)? },
        (Some(system), Some(file), ..) => BundleRequest::Export { system, file: absolute(file)? },
        _ => return Err(Failure::usage("which system, and to which file?")),
    };
    ask(common, request)
}

pub fn import(common: &Common, file: PathBuf, from: Option<String>) -> Result<u8, Failure> {
    ask(common, BundleRequest::Import { file: absolute(file)?, from })
}

fn ask(common: &Common, request: BundleRequest) -> Result<u8, Failure> {
    let report = common.site.ask(Request::Bundle(request), None)?;
    common.print(&report)?;
    Ok(exit::OK)
}

fn absolute(file: PathBuf) -> Result<PathBuf, Failure> {
    std::path::absolute(&file)
        .map_err(|error| Failure::new(exit::NOINPUT, format!("bundle: {}: {error}", file.display())))
}
