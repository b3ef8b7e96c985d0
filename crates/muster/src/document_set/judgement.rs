use muster_catalog::judge::{BindingFault, DocumentFault, NoVerdict, Rejection, Verdict};
use muster_schema::Violation;
use muster_words::Xid;

/// The result for one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Its violations, errors and warnings. If there are none, it passes.
    Found(Vec<Violation>),
    /// It couldn't be checked, because something that it depends on isn't loaded. Holds the reason,
    /// for people.
    NotChecked(String),
}

impl Judgement {
    /// The meaning of the judge's outcome for a document with this attribute `format`. With `is_all`,
    /// what isn't loaded doesn't exist; otherwise that isn't known.
    pub(super) fn of(
        outcome: Result<Verdict, NoVerdict>,
        format: Option<&str>,
        is_all: bool,
    ) -> Self {
        match outcome {
            Ok(verdict) => Self::Found([verdict.faults_as(format), &verdict.warnings].concat()),
            Err(NoVerdict::Rejected(rejection)) => Self::of_rejection(&rejection, is_all),
            // Everything is loaded already, and the time isn't limited.
            Err(NoVerdict::Missing(_) | NoVerdict::Long) => {
                Self::NotChecked("the judge lacks what it is checked against".to_owned())
            }
        }
    }

    /// The meaning of a bound group of rules that isn't loaded.
    pub(super) fn of_missing(xid: &Xid, is_all: bool) -> Self {
        let fault = BindingFault::Missing;
        Self::of_rejection(&Rejection::Binding { xid: xid.clone(), fault }, is_all)
    }

    fn of_rejection(rejection: &Rejection, is_all: bool) -> Self {
        let missing = missing(rejection).filter(|_| !is_all);
        match rejection {
            Rejection::Document { .. } if let Some(missing) = missing => {
                Self::NotChecked(format!("it refers to {missing}, which isn't in the folder"))
            }
            Rejection::Binding { xid, .. } if missing == Some(xid) => {
                Self::NotChecked(format!("it is bound to {xid}, which isn't in the folder"))
            }
            Rejection::Binding { xid, .. } if let Some(missing) = missing => {
                let through = format!("{xid}, which refers to {missing}");
                Self::NotChecked(format!("it is bound to {through}; that isn't in the folder"))
            }
            Rejection::Document { .. } | Rejection::Binding { .. } => {
                Self::Found(rejection.violations())
            }
        }
    }
}

/// The missing document, if that is the reason for a rejection.
fn missing(rejection: &Rejection) -> Option<&Xid> {
    match rejection {
        Rejection::Document { fault: DocumentFault::NoSchema(error), .. }
        | Rejection::Binding { fault: BindingFault::Schema(error), .. } => error.missing(),
        Rejection::Binding { xid, fault: BindingFault::Missing } => Some(xid),
        Rejection::Document { .. } | Rejection::Binding { .. } => None,
    }
}
