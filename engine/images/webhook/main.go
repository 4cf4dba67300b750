// Webhook is an admission webhook that answers what its URL says. It is in the
// Pod image `curl`, so that a scenario can see each way in which one can deny.
//
//	webhook FOLDER NAME...    makes a certificate for the names, writes FOLDER/ca
//	                          (PEM in base64, as caBundle wants it), and serves :8443
//
//	/allow           lets everything pass
//	/deny            denies in its own words, without a code
//	/deny-403        denies as Forbidden, in its own words
//	/deny-like-rbac  denies as Forbidden, in the words of RBAC
//
// (The API server takes no query in a webhook's URL.)
//
// Called by the name guard it is something else: see guard.go.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The parts of admission.k8s.io/v1 AdmissionReview that are read and written.
type review struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Request    *request  `json:"request,omitempty"`
	Response   *response `json:"response,omitempty"`
}

type request struct {
	UID       string   `json:"uid"`
	Operation string   `json:"operation"`
	Namespace string   `json:"namespace"`
	Resource  resource `json:"resource"`
	UserInfo  userInfo `json:"userInfo"`
}

type resource struct {
	Group    string `json:"group"`
	Resource string `json:"resource"`
}

type userInfo struct {
	Username string `json:"username"`
}

type response struct {
	UID     string  `json:"uid"`
	Allowed bool    `json:"allowed"`
	Status  *status `json:"status,omitempty"`
}

type status struct {
	Code    int    `json:"code,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

func main() {
	if filepath.Base(os.Args[0]) == "guard" {
		if len(os.Args) != 2 {
			fmt.Fprintln(os.Stderr, "usage: guard kube-rbac-proxy|controller-runtime")
			os.Exit(2)
		}
		if err := guard(os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, "guard:", err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: webhook FOLDER NAME...")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "webhook:", err)
		os.Exit(1)
	}
}

func serve(folder string, names []string) error {
	certificate, authority, err := certificate(names)
	if err != nil {
		return err
	}
	bundle := base64.StdEncoding.EncodeToString(authority)
	// Beside and then renamed: who reads it reads all of it.
	beside := filepath.Join(folder, ".ca")
	if err := os.WriteFile(beside, []byte(bundle), 0o644); err != nil {
		return err
	}
	server := &http.Server{
		Addr:              ":8443",
		Handler:           http.HandlerFunc(answer),
		ReadHeaderTimeout: 10 * time.Second,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}},
	}
	listener, err := tls.Listen("tcp", server.Addr, server.TLSConfig)
	if err != nil {
		return err
	}
	// The file is there when calls are answered.
	if err := os.Rename(beside, filepath.Join(folder, "ca")); err != nil {
		return err
	}
	return server.Serve(listener)
}

func answer(w http.ResponseWriter, r *http.Request) {
	var asked review
	if err := json.NewDecoder(io.LimitReader(r.Body, 4<<20)).Decode(&asked); err != nil || asked.Request == nil {
		http.Error(w, "not an AdmissionReview", http.StatusBadRequest)
		return
	}
	said := response{UID: asked.Request.UID}
	switch r.URL.Path {
	case "/allow":
		said.Allowed = true
	case "/deny":
		said.Status = &status{Message: own}
	case "/deny-403":
		said.Status = &status{Code: http.StatusForbidden, Reason: "Forbidden", Message: own}
	case "/deny-like-rbac":
		said.Status = &status{Code: http.StatusForbidden, Reason: "Forbidden", Message: likeRBAC(asked.Request)}
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(review{APIVersion: asked.APIVersion, Kind: asked.Kind, Response: &said})
}

// Own words of this webhook.
const own = "objects of this kind are not wanted here"

// LikeRBAC is what the RBAC authorizer would say if it refused the request.
func likeRBAC(asked *request) string {
	return fmt.Sprintf("%s is forbidden: User %q cannot %s resource %q in API group %q in the namespace %q",
		asked.Resource.Resource, asked.UserInfo.Username, strings.ToLower(asked.Operation), asked.Resource.Resource,
		asked.Resource.Group, asked.Namespace)
}

// certificate makes a certificate that signs itself, and its PEM.
func certificate(names []string) (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(now.UnixNano()),
		Subject:               pkix.Name{CommonName: "kubewalk webhook"},
		DNSNames:              names,
		NotBefore:             now.Add(-time.Minute),
		NotAfter:              now.Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
