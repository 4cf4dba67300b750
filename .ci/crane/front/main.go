// Command front stands before a registry on loopback for a test: by https, under the name that it is given, and only for who logs in.
//
// Usage: front NAME REGISTRY CERTIFICATE USER:PASSWORD
//
// It writes the certificate of the authority that it makes for itself to the file CERTIFICATE, and prints the port on which it listens.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"time"
)

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: front NAME REGISTRY CERTIFICATE USER:PASSWORD")
	}
	name, registry, file, login := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	// An authority of its own, and what that says of the name: nothing is both.
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "front"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	own := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{name},
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	root, err := x509.CreateCertificate(rand.Reader, authority, authority, signer.Public(), signer)
	check(err)
	leaf, err := x509.CreateCertificate(rand.Reader, own, authority, key.Public(), signer)
	check(err)
	check(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}), 0o644))
	behind := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: registry})
	guarded := http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		if user, password, _ := request.BasicAuth(); user+":"+password != login {
			answer.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			http.Error(answer, "who are you?", http.StatusUnauthorized)
			return
		}
		behind.ServeHTTP(answer, request)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	certificate := tls.Certificate{Certificate: [][]byte{leaf}, PrivateKey: key}
	server := http.Server{Handler: guarded, TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}}}
	check(server.ServeTLS(listener, "", ""))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
