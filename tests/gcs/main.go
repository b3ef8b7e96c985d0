// Command gcs is a server of Google Cloud Storage for the tests of buckets. fake-gcs-server (BSD)
// keeps the objects and their conditions, but for uploads it only knows the JSON API; this program
// turns the requests of the XML API, which the publisher makes, into those. It also checks what
// fake-gcs-server doesn't: that each request carries a token that the service account has signed.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

const account = "publisher@test.iam.gserviceaccount.com"

func main() {
	address := flag.String("address", "127.0.0.1:4443", "where to listen")
	keyFile := flag.String("key-file", "key.json", "where the service account's key is written")
	bucket := flag.String("bucket", "site", "the bucket that there is")
	flag.Parse()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	if err := writeKey(*keyFile, key); err != nil {
		log.Fatal(err)
	}
	storage, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true})
	if err != nil {
		log.Fatal(err)
	}
	storage.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: *bucket})
	log.Fatal(http.ListenAndServe(*address, &xmlAPI{storage.HTTPHandler(), *bucket, &key.PublicKey}))
}

// writeKey writes the file that Google gives for a service account.
func writeKey(path string, key *rsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	text, err := json.Marshal(map[string]string{
		"type":           "service_account",
		"client_email":   account,
		"private_key_id": "1",
		"private_key":    string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

type xmlAPI struct {
	storage http.Handler
	bucket  string
	key     *rsa.PublicKey
}

func (s *xmlAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.authenticate(r.Header.Get("Authorization")); err != nil {
		refuse(w, http.StatusUnauthorized, "AuthenticationRequired", err.Error())
		return
	}
	bucket, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if bucket != s.bucket {
		refuse(w, http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist.")
		return
	}
	object := "/storage/v1/b/" + url.PathEscape(bucket) + "/o/" + url.PathEscape(name)
	switch r.Method {
	case http.MethodPut:
		s.put(w, r, bucket, name)
	case http.MethodDelete:
		answer := s.ask(r, http.MethodDelete, object)
		if answer.Code >= 300 {
			refuse(w, answer.Code, "NoSuchKey", answer.Body.String())
			return
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		answer := s.ask(r, r.Method, "/download"+object)
		if answer.Code >= 300 {
			refuse(w, answer.Code, "NoSuchKey", answer.Body.String())
			return
		}
		show(w, r, answer)
	}
}

// show answers with an object. As Google does, it unpacks one that is stored as gzip for whoever
// doesn't accept that, unless its headers say no-transform; fake-gcs-server doesn't know the latter.
func show(w http.ResponseWriter, r *http.Request, answer *httptest.ResponseRecorder) {
	header, body := answer.Header(), answer.Body.Bytes()
	if header.Get("Content-Encoding") == "gzip" &&
		!strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") &&
		!strings.Contains(header.Get("Cache-Control"), "no-transform") {
		if unpacked, err := unpack(body); err == nil {
			body = unpacked
			header.Del("Content-Encoding")
			header.Set("Content-Length", strconv.Itoa(len(body)))
		}
	}
	for name, values := range header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body)
}

func unpack(body []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}

func (s *xmlAPI) put(w http.ResponseWriter, r *http.Request, bucket, name string) {
	query := url.Values{"uploadType": {"media"}, "name": {name}}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" {
		query.Set("contentEncoding", encoding)
	}
	if generation := r.Header.Get("x-goog-if-generation-match"); generation != "" {
		query.Set("ifGenerationMatch", generation)
	}
	path := "/upload/storage/v1/b/" + url.PathEscape(bucket) + "/o?" + query.Encode()
	answer := s.ask(r, http.MethodPost, path)
	var stored struct{ Etag, Generation string }
	if answer.Code >= 300 || json.Unmarshal(answer.Body.Bytes(), &stored) != nil {
		refuse(w, answer.Code, "PreconditionFailed", answer.Body.String())
		return
	}
	w.Header().Set("ETag", fmt.Sprintf("%q", stored.Etag))
	w.Header().Set("x-goog-generation", stored.Generation)
	w.WriteHeader(http.StatusOK)
}

// ask has fake-gcs-server do a request with the body and the headers of another one.
func (s *xmlAPI) ask(r *http.Request, method, path string) *httptest.ResponseRecorder {
	asked := httptest.NewRequest(method, path, r.Body)
	for _, name := range []string{"Cache-Control", "Content-Type", "Range"} {
		if value := r.Header.Get(name); value != "" {
			asked.Header.Set(name, value)
		}
	}
	asked.Header.Set("Accept-Encoding", "gzip")
	answer := httptest.NewRecorder()
	s.storage.ServeHTTP(answer, asked)
	return answer
}

// authenticate checks a JSON Web Token as Google does for a service account.
func (s *xmlAPI) authenticate(authorization string) error {
	parts := strings.Split(strings.TrimPrefix(authorization, "Bearer "), ".")
	if len(parts) != 3 {
		return fmt.Errorf("there is no token")
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(s.key, crypto.SHA256, digest[:], signature); err != nil {
		return err
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return err
	}
	var claims struct {
		Iss, Scope string
		Exp        int64
	}
	if err := json.Unmarshal(text, &claims); err != nil {
		return err
	}
	if claims.Iss != account || claims.Exp < time.Now().Unix() || claims.Scope == "" {
		return fmt.Errorf("the token isn't valid")
	}
	return nil
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml; charset=UTF-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version='1.0' encoding='UTF-8'?><Error><Code>%s</Code><Message>%s</Message></Error>", code, strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(message))
}
