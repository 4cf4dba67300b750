//! Of generated policies: what is refused has a patch that grants it, and little else.

use rand::{SeedableRng as _, rngs::StdRng};

use crate::{
    explain::{Policy, Question, Verdict, evaluate::grant, explain, testing::generate::Generated},
    plan::Request,
};

#[test]
fn every_patch_grants_its_question_and_nothing_else_that_is_asked() {
    let namespaces = ["a", "b", "c"].map(str::to_owned);
    let (mut denied, mut near, mut exact) = (0, 0, 0);
    for seed in 0..100 {
        let mut rng = StdRng::seed_from_u64(seed);
        let made = Generated::new(&mut rng, "t", &namespaces, 1);
        let questions: Vec<Question> = (0..12).map(|_| made.question(&mut rng)).collect();
        for question in &questions {
            let Verdict::Denied { misses, patch } = explain(&made.policy, question) else { continue };
            denied += 1;
            near += usize::from(!misses.is_empty());
            let patched: Policy = made.policy.clone().patched(&patch);
            assert!(grant(&patched, question).is_some(), "seed {seed}: {question:?}\n{misses:#?}\n{patch:#?}");
            if patch.title.starts_with("this gives") || broad(&question.request) {
                continue;
            }
            exact += 1;
            let widened = questions.iter().find(|other| {
                (other.caller.user != question.caller.user || other.request != question.request)
                    && grant(&made.policy, other).is_none()
                    && grant(&patched, other).is_some()
            });
            assert!(widened.is_none(), "seed {seed}: {question:?} opens {widened:?}\n{patch:#?}");
        }
    }
    assert!(denied > 500 && near > 250 && exact > 200, "{denied} {near} {exact}");
}

/// What says no name, no namespace, or a `*` is answered for all of them.
fn broad(request: &Request) -> bool {
    match request {
        Request::Path { .. } => false,
        Request::Resource { namespace, name, subresource, .. } => {
            namespace.is_none() || name.is_none() || subresource.as_deref() == Some("*")
        }
    }
}
