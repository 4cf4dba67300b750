package node

import "time"

// usualBudget is how long a start may take when nobody says otherwise. A machine
// that is given more is slower, and so is each of its answers.
const usualBudget = 120 * time.Second

// patience is how long single answers are waited for, before they are asked for
// again.
type patience struct {
	answer  time.Duration // of the API server, to one request
	connect time.Duration // to something of the node
	// dns is short, because a question that came before the rules were there
	// is lost and will not be answered.
	dns time.Duration
}

// patienceOf is the patience that goes with a budget: the usual one at least,
// and longer as the budget is.
func patienceOf(budget time.Duration) patience {
	slow := max(float64(budget)/float64(usualBudget), 1)
	of := func(usual time.Duration) time.Duration { return time.Duration(float64(usual) * slow) }
	return patience{answer: of(5 * time.Second), connect: of(200 * time.Millisecond), dns: of(60 * time.Millisecond)}
}
