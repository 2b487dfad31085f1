//! `uucp` from a neighbour: files that it is asked for.

use super::{FetchRequest, VerbError, Verbs, Who};
use crate::job::{Expand, Fetch, Work, is_pattern};
use crate::node::report::Report;
use crate::wire::session::public_path;

impl Verbs {
    pub(super) async fn fetch(&self, who: &Who, request: FetchRequest) -> Result<Report, VerbError> {
        let system = self.neighbour(&request.system)?;
        let FetchRequest { from, to, grade, make_directories, call, .. } = request;
        if let Some(name) =
            [&from, &to].into_iter().find(|name| name.is_empty() || name.contains(char::is_control))
        {
            return Err(VerbError::Usage(format!("{name:?} cannot be the name of a file")));
        }
        let user = who.name.clone();
        let work = match is_pattern(&from) {
            true => {
                let to = self.directory_here(&to)?;
                Work::Expand(Expand { from, to, user, make_directories })
            }
            false => {
                let to = self.place_here(&to, &from)?;
                Work::Fetch(Fetch { from, to, user, make_directories })
            }
        };
        self.submit(system, grade, work, None, call).await
    }

    /// Where a file goes here: below the public directory. One that is there already takes it in.
    fn place_here(&self, to: &str, from: &str) -> Result<String, VerbError> {
        let public = &self.config.node.public_directory;
        let path = |to: &str| public_path(to, Some(from), &public.to_string_lossy());
        let place = path(to).ok_or_else(|| outside(to))?;
        let is_directory = place.strip_prefix("~/").is_some_and(|below| public.join(below).is_dir());
        let inside = if is_directory { path(&format!("{place}/")) } else { Some(place) };
        inside.ok_or_else(|| outside(to))
    }

    /// The directory that many files go to, with a slash at its end.
    fn directory_here(&self, to: &str) -> Result<String, VerbError> {
        let public = self.config.node.public_directory.to_string_lossy();
        let directory = format!("{}/", to.trim_end_matches('/'));
        let inside = public_path(&directory, Some("x"), &public).ok_or_else(|| outside(to))?;
        Ok(inside.trim_end_matches('x').to_owned())
    }
}

fn outside(to: &str) -> VerbError {
    VerbError::Usage(format!(
        "{to:?} lies outside of the public directory, where files from others go; write '~/NAME', in quotes"
    ))
}
