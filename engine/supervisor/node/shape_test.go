package node

import (
	"flag"
	"io"
	"slices"
	"testing"
)

func readShape(text string) (shape, error) {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	s := shapeFlag(flags)
	err := flags.Parse([]string{"--shape=" + text})
	return *s, err
}

func TestWithoutAShapeTheFlagsAreTheUsualOnes(t *testing.T) {
	want := []string{"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction"}
	if got := (shape{}).flags(); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if got := (shape{}).gated(component{args: []string{"--a"}}); len(got.args) != 1 {
		t.Errorf("%v", got)
	}
}

func TestAShapeBecomesFlags(t *testing.T) {
	s, err := readShape(`{"enable":["AlwaysPullImages"],"disable":["NodeRestriction","Priority"],"anonymous":false,
		"authorization":["Node","RBAC","AlwaysAllow"],"fairness":true,"gates":{"B":false,"A":true},"apis":{"rbac.authorization.k8s.io/v1alpha1":true}}`)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"--authorization-mode=Node,RBAC,AlwaysAllow", "--enable-admission-plugins=AlwaysPullImages",
		"--disable-admission-plugins=NodeRestriction,Priority", "--anonymous-auth=false",
		"--enable-priority-and-fairness=true", "--feature-gates=A=true,B=false",
		"--runtime-config=rbac.authorization.k8s.io/v1alpha1=true"}
	if got := s.flags(); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if got := s.inConfig(object{})["featureGates"]; got == nil {
		t.Error("the kubelet does not know the features")
	}
}

func TestNoNameInAShapeBringsAFlagOfItsOwn(t *testing.T) {
	for _, text := range []string{
		`{"enable":["A,B"]}`, `{"enable":[""]}`, `{"disable":["--x"]}`, `{"gates":{"A=true,B":true}}`,
		`{"authorization":["RBAC --x"]}`, `{"apis":{"a=b":true}}`, `{"plugins":{"A\nB":{}}}`, `{"flags":["--x"]}`,
	} {
		if s, err := readShape(text); err == nil {
			t.Errorf("%s is taken: %v", text, s.flags())
		}
	}
}

func TestAnUntrustedRunHasNoShapeThatTakesItsPoliciesAway(t *testing.T) {
	for _, text := range []string{
		`{"disable":["ValidatingAdmissionPolicy"]}`, `{"gates":{"ManifestBasedAdmissionControlConfig":false}}`,
		`{"gates":{"AllBeta":false}}`, `{"apis":{"api/all":false}}`, `{"plugins":{"ValidatingAdmissionPolicy":{}}}`,
	} {
		s, err := readShape(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.write(true); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}
