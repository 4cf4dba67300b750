package pki

import (
	"encoding/base64"
	"fmt"
)

// Kubeconfig is a file that says where the API is and who calls, with all
// certificates embedded, so that it works wherever it is copied. It is written
// by hand: eight values do not need a YAML library, and none of them (an URL, a
// name that we chose, base64) can hold a character that YAML would mind.
func Kubeconfig(server, user string, ca []byte, client Pair) []byte {
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters:
- name: kubewalk
  cluster:
    server: %s
    certificate-authority-data: %s
users:
- name: %s
  user:
    client-certificate-data: %s
    client-key-data: %s
contexts:
- name: kubewalk
  context:
    cluster: kubewalk
    user: %s
current-context: kubewalk
preferences: {}
`, server, b64(ca), user, b64(client.Cert), b64(client.Key), user)
}
