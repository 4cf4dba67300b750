//! A status that is not the expected one, a 403 that is not the refusal that is meant, and an answer that is not the API server's.

use super::{
    Class, Denial, ForeignResponse, Http, IntendedCall, Mismatch, Origin, Refused, Verdict,
    hints::{
        SEEN_BY_OTHERS, STILL_KNOWN, beyond_rbac, capitalized, differing, missing_right, shown_user, unauthenticated,
        who_may, wrong_identity,
    },
    status::{Status, server_words, status_text},
    verdict::NOT_OF_THE_KIND,
};
use crate::{k8s::object::going_since, redact::show, scenario::expect::DeniedBy};

/// A status that is not the expected one: `pointer` is the key that says so, `expected` a few words such as `403`.
pub fn unexpected_status(
    pointer: &str,
    short: &str,
    expected: &str,
    http: &Http,
    verdict: &Verdict,
    meant: Option<&IntendedCall>,
) -> Mismatch {
    let message = Status::in_answer(http).map_or("", |status| status.message);
    let mut mismatch = Mismatch {
        message: format!("expected {short}, got {}", http.status),
        server_words: server_words(http),
        ..Mismatch::new(pointer, Class::Status, expected, status_text(http.status))
    };
    match verdict {
        Verdict::Allowed => {
            mismatch.server_words = None;
            mismatch.hint = match short {
                "401" => Some(STILL_KNOWN.into()),
                "404" => {
                    let going = http.json.as_ref().and_then(going_since);
                    going.map(|going| show::block(&format!("it {going}"), show::BODY))
                }
                _ => None,
            };
        }
        Verdict::Denied(Denial { refused: Some(refused), .. }) => {
            mismatch.class = Class::Refused;
            mismatch.got =
                format!("{}: RBAC does not let {} {}", mismatch.got, shown_user(&refused.user), refused.describe());
            mismatch.hint = Some(match meant {
                Some(meant) if short == "401" && meant.user == refused.user => STILL_KNOWN.into(),
                _ => missing_right(refused, meant),
            });
            if let Some(meant) = meant.filter(|meant| meant.user != refused.user) {
                mismatch.class = Class::WrongIdentity;
                mismatch.message +=
                    &format!(": the call was made as {}, not as {}", shown_user(&refused.user), meant.user);
            }
        }
        Verdict::Denied(Denial { by: DeniedBy::Rbac, refused: None, .. }) => {
            mismatch.class = Class::Refused;
            mismatch.got += ": RBAC refused, and an answer without a body does not say whom";
            mismatch.hint = meant.and_then(|meant| Some(missing_right(&Refused::parse(&meant.denial)?, Some(meant))));
        }
        Verdict::Denied(denial) => {
            mismatch.class = Class::OtherDenier;
            mismatch.got = format!("{}, refused by {}", mismatch.got, denial.describe());
            mismatch.hint = Some(beyond_rbac(denial.by).into());
        }
        Verdict::Unsaid => {
            mismatch.got += ", and nothing says who refused";
            mismatch.hint = Some(match http.origin {
                Origin::Kubectl => SEEN_BY_OTHERS.into(),
                _ => "an answer without a body (as HEAD gets) does not tell the API server from what is behind it; use GET".into(),
            });
        }
        Verdict::Unauthenticated => {
            mismatch.class = Class::Unauthenticated;
            mismatch.got += ": the server does not know the caller";
            mismatch.hint = Some(unauthenticated(meant).into());
        }
        Verdict::NotFound => {
            mismatch.got += ": authorization let the call pass, and nothing is there";
            mismatch.hint = Some("compare the path, the name and the namespace with what exists".into());
        }
        Verdict::Conflict => mismatch.got += ": authorization let the call pass, and what is stored is in the way",
        Verdict::Invalid => mismatch.got += ": authorization let the call pass, and the request itself is wrong",
        Verdict::After(why) => {
            mismatch.got += &format!(": authorization let the call pass, and {why}");
            mismatch.hint = after(why).map(str::to_owned);
            // The words before it may be the whole of the object.
            if let Some((_, slip)) = message.rsplit_once("strict decoding error: ") {
                mismatch.got += &format!(": {}", show::line(slip, show::VALUE));
                mismatch.hint = Some("mend the name of the field, or remove it".into());
            }
        }
        Verdict::TooManyRequests => {
            mismatch.class = Class::Server;
            mismatch.got += ": the server asks to come back later; this says nothing about rights";
        }
        Verdict::ServerError => {
            mismatch.class = Class::Server;
            mismatch.got += ": a problem of the server or of what it asks; this says nothing about rights";
        }
        Verdict::Other => {}
        // It is not the API server that is called.
        Verdict::NotKubernetes(ForeignResponse::PlainRefusal(refusal)) if meant.is_none() => {
            let (what, hint) = refusal.refused();
            mismatch.class = Class::Refused;
            mismatch.got = format!("{} by {}: {what}", mismatch.got, refusal.speaker());
            mismatch.hint = hint;
        }
        Verdict::NotKubernetes(foreign) => {
            mismatch.class = Class::NotKubernetes;
            if *foreign != ForeignResponse::Empty {
                mismatch.message += ", and not from the API server";
            }
            mismatch.got = format!("{} with {}", mismatch.got, foreign.describe());
            mismatch.hint = foreign.hint().map(str::to_owned);
        }
    }
    mismatch
}

/// What to do about what came after authorization.
fn after(why: &str) -> Option<&'static str> {
    (why == NOT_OF_THE_KIND)
        .then_some("the server's words name the field; server-side apply answers 500 for a slip in the manifest")
}

/// An answer whose status is as expected, but that another server than the API server gave.
pub fn foreign_response(pointer: &str, http: &Http, foreign: &ForeignResponse) -> Mismatch {
    let message = match foreign {
        ForeignResponse::Empty => format!("{}, but nothing says who answered", http.status),
        _ => format!("{}, but not from the API server", http.status),
    };
    Mismatch {
        pointer: pointer.into(),
        message,
        expected: format!("{} from the API server", status_text(http.status)),
        got: format!("{} with {}", status_text(http.status), foreign.describe()),
        server_words: server_words(http),
        hint: foreign.hint().map(str::to_owned),
        class: Class::NotKubernetes,
    }
}

/// Whether a refusal is the one that was meant.
pub fn denial(
    by: DeniedBy,
    wanted: Option<u16>,
    pointer: &str,
    http: &Http,
    verdict: &Verdict,
    meant: Option<&IntendedCall>,
) -> Option<Mismatch> {
    let who = by.title();
    let short = wanted.map_or_else(|| format!("a refusal by {who}"), |status| status.to_string());
    let expected = match (by, meant) {
        // What a command asks for is not known.
        (DeniedBy::Rbac, Some(meant)) if meant.denial.is_empty() => {
            format!("403 Forbidden by RBAC for {}", shown_user(&meant.user))
        }
        (DeniedBy::Rbac, Some(meant)) => format!("403 Forbidden by RBAC: `{}`", show::line(&meant.denial, 400)),
        _ => format!(
            "{}by {who}",
            wanted.map_or_else(|| "refused ".into(), |status| format!("{} ", status_text(status)))
        ),
    };
    let mut mismatch = unexpected_status(pointer, &short, &expected, http, verdict, meant);
    let Verdict::Denied(denial) = verdict else {
        if *verdict == Verdict::Allowed {
            mismatch.class = Class::Allowed;
            mismatch.got += ": the call was allowed";
            mismatch.hint = (by == DeniedBy::Rbac).then(|| who_may(meant));
        } else if http.status == 403 {
            mismatch.message = match verdict {
                Verdict::Unsaid | Verdict::NotKubernetes(ForeignResponse::Empty) => "403, but nothing says who refused",
                _ => "403, but not a refusal by the API server",
            }
            .into();
        }
        return Some(mismatch);
    };
    if denial.by != by {
        let start = match wanted {
            Some(status) if status != http.status => {
                format!("expected {status}, got {},", http.status)
            }
            _ => format!("{}, but", http.status),
        };
        mismatch.message = format!("{start} refused by {}, not by {who}", denial.short());
        mismatch.class = Class::OtherDenier;
        mismatch.hint = Some(match denial.by {
            DeniedBy::Rbac => match &denial.refused {
                Some(refused) => format!(
                    "RBAC comes first: {} lacks a right. {}",
                    shown_user(&refused.user),
                    capitalized(&refused.grant())
                ),
                None => "RBAC comes first, and nothing else in the API server refuses a call that only reads".into(),
            },
            // `by` needs a `status` beside it, and that is what was claimed.
            other if pointer.ends_with("status") && http.status == wanted.unwrap_or(http.status) => {
                format!("if that is meant, write `by: {}`", other.word())
            }
            other => format!("if that is meant, write `by: {}` and `status: {}`", other.word(), http.status),
        });
        return Some(mismatch);
    }
    if let Some(status) = wanted.filter(|status| *status != http.status) {
        mismatch.message = format!("expected {status}, got {}, refused by {} as expected", http.status, denial.short());
        mismatch.hint = Some(format!("write `status: {}` beside `by: {}`", http.status, by.word()));
        return Some(mismatch);
    }
    let (Some(refused), Some(meant)) = (&denial.refused, meant) else {
        return None;
    };
    same_call(refused, meant, http, &mut mismatch).then_some(mismatch)
}

/// Whether RBAC's refusal is about another call than the one that was meant; then says how.
fn same_call(refused: &Refused, meant: &IntendedCall, http: &Http, mismatch: &mut Mismatch) -> bool {
    let message = Status::in_answer(http).map_or("", |status| status.message);
    let exact = message.strip_prefix(meant.denial.as_str());
    let whole = |rest: &str| meant.denial.is_empty() || rest.is_empty() || rest.starts_with(':');
    if exact.is_some_and(whole) && refused.user == meant.user {
        return false;
    }
    if refused.user == meant.user {
        mismatch.class = Class::OtherRequest;
        mismatch.message = "403, but for another request than the step means".into();
        let differing = Refused::parse(&meant.denial).map(|meant| differing(&meant, refused)).unwrap_or_default();
        mismatch.hint = Some(if differing.is_empty() {
            "the server understood the call differently".into()
        } else {
            format!("the server understood: {}", differing.join(", "))
        });
    } else {
        mismatch.class = Class::WrongIdentity;
        mismatch.message =
            format!("403, but the call was made as {}, not as {}", shown_user(&refused.user), meant.user);
        mismatch.hint = Some(wrong_identity(&refused.user, &meant.user));
    }
    mismatch.got = format!("403 Forbidden: {} may not {}", shown_user(&refused.user), refused.describe());
    true
}
