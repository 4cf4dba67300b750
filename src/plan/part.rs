//! A part of a scenario: from one step to another.

use super::{Action, Plan, Step};
use crate::event::OF_NO_PART;

/// Which steps of a scenario are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Part {
    /// The first of which something is to be seen; what it needs of those before is played as well.
    pub from: Option<usize>,
    /// The last.
    pub to: Option<usize>,
}

impl Plan {
    /// Leaves out the steps that are not in a part. Before its first one stay those that make something, keep a value, run a command
    /// or wait: later ones may need what they do.
    ///
    /// # Errors
    /// The number of a step that the scenario does not have.
    pub fn only(&mut self, part: Part) -> Result<(), usize> {
        let numbers = [part.from, part.to].into_iter().flatten();
        if let Some(none) = numbers.into_iter().find(|number| *number > self.steps.len()) {
            return Err(none);
        }
        for step in &self.steps {
            let early = part.from.filter(|from| step.number < *from && only_asks(step));
            let late = part.to.filter(|to| step.number > *to);
            let why = match (early, late) {
                (Some(from), _) => format!("{}{from}", OF_NO_PART[0]),
                (None, Some(to)) => format!("{}{to}", OF_NO_PART[1]),
                (None, None) => continue,
            };
            self.left_out.insert(step.number, why);
        }
        Ok(())
    }
}

/// Whether nothing of a step can be missed later.
fn only_asks(step: &Step) -> bool {
    let waits = matches!(step.action, Action::Wait(..)) || step.expected.iter().any(|item| item.within.is_some());
    let asks = match &step.action {
        Action::Kubectl(_) => !step.action.changes(),
        other => other.only_reads(),
    };
    asks && !waits && step.save.is_empty()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::plan::{Names, plan};

    fn left_out(part: Part) -> Result<Vec<usize>, usize> {
        let text = "title: t
steps:
  - {title: makes, serviceAccount: a}
  - {title: asks, can: {who: serviceaccount/a, verb: get, resource: pods, allowed: false}}
  - {title: waits, get: {kind: ServiceAccount, name: a}, expect: {status: 200, within: 2s}}
  - {title: keeps, get: {kind: ServiceAccount, name: a}, save: {uid: $.metadata.uid}}
  - {title: reads, kubectl: {args: [get, pods]}}
  - {title: changes, kubectl: {args: [label, sa, a, 'b={saved.uid}']}}
  - {title: asks again, can: {who: serviceaccount/a, verb: get, resource: pods, allowed: false}}
";
        let document = crate::scenario::read(Path::new("a.yaml"), text.as_bytes()).expect("a scenario");
        let mut plan = plan(document, &Names::random()).expect("a plan");
        plan.only(part)?;
        assert_eq!(plan.again(&Names::random()).left_out, plan.left_out);
        Ok(plan.left_out.into_keys().collect())
    }

    #[test]
    fn what_a_step_may_need_is_played_before_it() {
        assert_eq!(left_out(Part::default()), Ok(vec![]));
        assert_eq!(left_out(Part { from: Some(7), to: None }), Ok(vec![2, 5]));
        assert_eq!(left_out(Part { from: Some(2), to: Some(4) }), Ok(vec![5, 6, 7]));
        assert_eq!(left_out(Part { from: Some(3), to: Some(3) }), Ok(vec![2, 4, 5, 6, 7]));
        assert_eq!(left_out(Part { from: None, to: Some(8) }), Err(8));
    }
}
