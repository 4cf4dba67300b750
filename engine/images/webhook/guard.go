package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// Guard is a metrics endpoint that asks the API server about each caller, as
// kube-rbac-proxy and the metrics filter of controller-runtime do: whose token
// it is (TokenReview), and whether that user may get the path
// (SubjectAccessReview). It is neither of them; it refuses in the words of the
// one that it is told. It runs as a Pod whose account may make such reviews.
//
//	guard kube-rbac-proxy      refuses as kube-rbac-proxy does, on :8443
//	guard controller-runtime   refuses as controller-runtime's filter does

const credentials = "/var/run/secrets/kubernetes.io/serviceaccount/"

// Who a token belongs to.
type user struct {
	Username string              `json:"username"`
	UID      string              `json:"uid,omitempty"`
	Groups   []string            `json:"groups,omitempty"`
	Extra    map[string][]string `json:"extra,omitempty"`
}

type reviewer struct {
	client *http.Client
}

func guard(words string) error {
	if words != "kube-rbac-proxy" && words != "controller-runtime" {
		return fmt.Errorf("%q is none of kube-rbac-proxy, controller-runtime", words)
	}
	authority, err := os.ReadFile(credentials + "ca.crt")
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return errors.New("no certificate in ca.crt")
	}
	asks := reviewer{&http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
	}}
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	certificate, _, err := certificate([]string{name})
	if err != nil {
		return err
	}
	server := &http.Server{
		Addr:              ":8443",
		Handler:           asks.before(words),
		ReadHeaderTimeout: 10 * time.Second,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}},
	}
	return server.ListenAndServeTLS("", "")
}

// Before asks about the caller, and then shows the metrics.
func (r reviewer) before(words string) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		token, found := strings.CutPrefix(request.Header.Get("Authorization"), "Bearer ")
		if !found {
			http.Error(w, "Unauthorized", http.StatusUnauthorized)
			return
		}
		who, known, err := r.whose(token)
		if err != nil {
			http.Error(w, "Authentication failed", http.StatusInternalServerError)
			return
		}
		if !known {
			http.Error(w, "Unauthorized", http.StatusUnauthorized)
			return
		}
		verb := strings.ToLower(request.Method)
		allowed, err := r.may(who, verb, request.URL.Path)
		if err != nil {
			http.Error(w, fmt.Sprintf("Authorization for user %s failed", who.Username), http.StatusInternalServerError)
			return
		}
		if !allowed {
			refusal := fmt.Sprintf("Authorization denied for user %s", who.Username)
			if words == "kube-rbac-proxy" {
				refusal = fmt.Sprintf("Forbidden (user=%s, verb=%s, resource=, subresource=)", who.Username, verb)
			}
			http.Error(w, refusal, http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintln(w, "# TYPE guard_up gauge\nguard_up 1")
	}
}

func (r reviewer) whose(token string) (user, bool, error) {
	var answer struct {
		Status struct {
			Authenticated bool `json:"authenticated"`
			User          user `json:"user"`
		} `json:"status"`
	}
	err := r.ask("authentication.k8s.io", "TokenReview", map[string]any{"token": token}, &answer)
	return answer.Status.User, answer.Status.Authenticated, err
}

func (r reviewer) may(who user, verb, path string) (bool, error) {
	var answer struct {
		Status struct {
			Allowed bool `json:"allowed"`
		} `json:"status"`
	}
	err := r.ask("authorization.k8s.io", "SubjectAccessReview", map[string]any{
		"user": who.Username, "uid": who.UID, "groups": who.Groups, "extra": who.Extra,
		"nonResourceAttributes": map[string]string{"verb": verb, "path": path},
	}, &answer)
	return answer.Status.Allowed, err
}

func (r reviewer) ask(group, kind string, spec map[string]any, answer any) error {
	body, err := json.Marshal(map[string]any{"apiVersion": group + "/v1", "kind": kind, "spec": spec})
	if err != nil {
		return err
	}
	// It is renewed in its file.
	token, err := os.ReadFile(credentials + "token")
	if err != nil {
		return err
	}
	url := "https://kubernetes.default.svc/apis/" + group + "/v1/" + strings.ToLower(kind) + "s"
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+string(token))
	request.Header.Set("Content-Type", "application/json")
	response, err := r.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		return fmt.Errorf("%s: %s", kind, response.Status)
	}
	return json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(answer)
}
