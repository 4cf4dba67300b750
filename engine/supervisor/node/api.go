package node

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// api speaks to the API server as the admin. A few requests in JSON do not need
// a client library that is larger than the rest of this program.
type api struct{ http *http.Client }

func newAPI(c *credentials, answer time.Duration) (*api, error) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(c.ca)
	pair, err := tls.X509KeyPair(c.admin.Cert, c.admin.Key)
	if err != nil {
		return nil, err
	}
	return &api{&http.Client{
		Timeout: answer,
		Transport: &http.Transport{
			TLSClientConfig:     &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}},
			MaxIdleConnsPerHost: 8,
		},
	}}, nil
}

// do sends one request. Where in is nil there is no body; where out is nil the
// answer is dropped.
func (a *api) do(ctx context.Context, method, path string, in, out any) (int, error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return 0, err
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, "https://"+apiLocal+path, body)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	response, err := a.http.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	if response.StatusCode >= 300 {
		return response.StatusCode, fmt.Errorf("%s %s: %s: %.300s", method, path, response.Status, data)
	}
	if out != nil {
		return response.StatusCode, json.Unmarshal(data, out)
	}
	return response.StatusCode, nil
}

// get says whether path can be had, and decodes it.
func (a *api) get(ctx context.Context, path string, out any) error {
	_, err := a.do(ctx, http.MethodGet, path, nil, out)
	return err
}

// create makes an object; that it is there already is fine, because a request
// whose answer was lost is sent again.
func (a *api) create(ctx context.Context, path string, in object) error {
	status, err := a.do(ctx, http.MethodPost, path, in, nil)
	if status == http.StatusConflict {
		return nil
	}
	return err
}
