package pki

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"strings"
	"testing"
)

func parse(t *testing.T, p Pair) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(p.Cert)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair(p.Cert, p.Key); err != nil {
		t.Fatalf("key does not fit the certificate: %v", err)
	}
	return cert
}

func TestIssue(t *testing.T) {
	ca, err := NewCA("kubernetes")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parse(t, ca.Pair))

	server, err := ca.Issue(Ask{Name: "kube-apiserver", Server: true,
		DNS: []string{"kubernetes.default"}, IPs: []net.IP{net.ParseIP("10.96.0.1")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kubernetes.default", "10.96.0.1"} {
		if _, err := parse(t, server).Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}

	client, err := ca.Issue(Ask{Name: "kubernetes-admin", Groups: []string{"system:masters"}})
	if err != nil {
		t.Fatal(err)
	}
	cert := parse(t, client)
	if cert.Subject.CommonName != "kubernetes-admin" || cert.Subject.Organization[0] != "system:masters" {
		t.Errorf("subject is %v", cert.Subject)
	}
	usage := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: usage}); err != nil {
		t.Error(err)
	}

	other, err := NewCA("kubernetes")
	if err != nil {
		t.Fatal(err)
	}
	strangers := x509.NewCertPool()
	strangers.AddCert(parse(t, other.Pair))
	if _, err := cert.Verify(x509.VerifyOptions{Roots: strangers, KeyUsages: usage}); err == nil {
		t.Error("a certificate of one cluster is good in another")
	}
}

func TestKubeconfig(t *testing.T) {
	text := string(Kubeconfig("https://127.0.0.1:1", "kubernetes-admin", []byte("ca"), Pair{[]byte("c"), []byte("k")}))
	for _, want := range []string{"server: https://127.0.0.1:1\n", "certificate-authority-data: Y2E=\n", "client-key-data: aw==\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
